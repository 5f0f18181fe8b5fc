import { PoolingConfigError } from '@headwater/pooling'
import { describe, expect, it } from 'vitest'
import { parseTokens } from './tokens.ts'

// Of "abc", by FIPS 180-2.
const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
const token = { name: 'ranker', sha256, tenant: 'shop', scopes: ['read', 'metrics'] }
const parse = (...tokens: unknown[]) => parseTokens(JSON.stringify({ tokens }), 'tokens.json')

describe('a tokens file', () => {
  it('lets in who has a token, and says nothing of the token', () => {
    const tokens = parse({ ...token, sha256: sha256.toUpperCase() }, { ...token, name: 'b', sha256: 'ff'.repeat(32) })
    expect(tokens.find('abc')).toEqual({ name: 'ranker', tenant: 'shop', scopes: ['read', 'metrics'] })
    for (const other of ['', 'ab', 'abcd', 'ABC', sha256]) expect(tokens.find(other)).toBeUndefined()
    expect(tokens.tenants).toEqual(['shop'])
  })

  it('knows certificates by their fingerprints, however they are written', () => {
    const digits = 'AB'.repeat(32)
    const colons = digits.match(/../g)!.join(':')
    for (const certificate of [digits, colons, digits.toLowerCase()]) {
      const tokens = parse({ ...token, sha256: undefined, certificate })
      expect(tokens.findCertificate(colons)?.name).toBe('ranker')
      expect(tokens.findCertificate(colons.replace('AB', 'AC'))).toBeUndefined()
      // Its fingerprint is no secret, and so no token.
      expect(tokens.find(digits.toLowerCase())).toBeUndefined()
      expect(tokens.tenants).toEqual(['shop'])
    }
  })

  it.each<[string, unknown[], RegExp]>([
    ['no tokens', [], /tokens\.json has no tokens/],
    ['null for a token', [null], /token 1 has no name/],
    ['no tenant', [{ ...token, tenant: '' }], /token 1 has no tenant/],
    ['a token in clear', [{ ...token, sha256: 'abc' }], /token 1: sha256 is no hash/],
    [
      'an unknown scope',
      [token, { ...token, scopes: ['read', 'root'] }],
      /token 2: scopes must be some of read, write/,
    ],
    ['no scopes', [{ ...token, scopes: [] }], /scopes must be/],
    ['a token twice', [token, token], /token 2 is in the file twice/],
    ['a file name for a certificate', [{ ...token, sha256: undefined, certificate: 'a.pem' }], /is no fingerprint/],
    ['a token and a certificate in one', [{ ...token, certificate: sha256 }], /token 1 has both/],
  ])('with %s is refused', (_, tokens, message) => {
    expect(() => parse(...tokens)).toThrow(PoolingConfigError)
    expect(() => parse(...tokens)).toThrow(message)
  })

  it.each(['', '{', 'null', '[]', '"x"'])('that is %s is refused', (text) => {
    expect(() => parseTokens(text, 'tokens.json')).toThrow(PoolingConfigError)
  })
})
