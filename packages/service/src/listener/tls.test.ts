/** HTTPS and client certificates, over sockets. The certificates are those of testing/certificates. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type RequestOptions, request } from 'node:https'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { tokenOf, tokens } from '../../testing/http-service.ts'
import { startService } from '../../testing/listening-service.ts'
import { parseTokens } from '../access/tokens.ts'

const pem = (name: string) => readFileSync(join(import.meta.dirname, '../../testing/certificates', name))
const authority = pem('authority.pem')
const own = { key: pem('server.key'), cert: pem('server.pem') }
const callers = {
  client: { key: pem('client.key'), cert: pem('client.pem') },
  stranger: { key: pem('stranger.key'), cert: pem('stranger.pem') },
}
const certificate = new X509Certificate(callers.client.cert).fingerprint256
const withCertificate = parseTokens(
  JSON.stringify({
    tokens: [
      { name: 'ranker', certificate, tenant: 'default', scopes: ['read'] },
      { name: 'boss', sha256: 'ff'.repeat(32), tenant: 'other', scopes: ['read', 'write'] },
    ],
  }),
  'tokens.json',
)

interface Asked extends RequestOptions {
  readonly token?: string
}

/** A read; its status and its error's code. */
function ask(url: string, { token, path = '/v1/embeddings/read', ...more }: Asked) {
  return new Promise<{ status: number; code?: string }>((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    const asked = request(
      `${url}${path}`,
      { method: 'POST', ca: authority, agent: false, headers, ...more },
      (response) => {
        let text = ''
        response.on('data', (part) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode!, code: JSON.parse(text).error?.code }))
      },
    )
    asked.on('error', reject)
    asked.end(JSON.stringify({ users: ['a'], models: ['m'] }))
  })
}

describe('with a key and a certificate', () => {
  it('HTTPS is served, by the same rules, and plain HTTP is not', async () => {
    const { url } = await startService({ server: { tls: own } })
    expect(url).toMatch(/^https:/)
    expect(await ask(url, { token: tokenOf.reader })).toEqual({ status: 200 })
    expect(await ask(url, {})).toEqual({ status: 401, code: 'unauthenticated' })
    expect(await ask(url, { token: tokenOf.reader, path: '/v1/none' })).toEqual({ status: 404, code: 'unknown_route' })
    await expect(ask(url, { token: tokenOf.reader, ca: [] })).rejects.toThrow(/certificate/)
    await expect(fetch(`${url.replace('https', 'http')}/healthz`)).rejects.toThrow()
  })

  it('a protocol older than TLS 1.2 is refused', async () => {
    const { url } = await startService({ server: { tls: own } })
    const { hostname: host, port } = new URL(url)
    const error = await new Promise<Error>((resolve, reject) => {
      const options = { host, port: Number(port), ca: authority, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
      // Below security level 1 the client itself would not try.
      const socket = connect({ ...options, ciphers: 'DEFAULT@SECLEVEL=0' }, () => reject(new Error('it was taken')))
      socket.on('error', resolve)
    })
    expect(error.message).toMatch(/version/)
  })
})

describe('with an authority for clients', () => {
  it('who shows no certificate of it is not let in, token or not', async () => {
    const { url } = await startService({ server: { tls: { ...own, clientCa: authority } } })
    await expect(ask(url, { token: tokenOf.reader })).rejects.toThrow()
    await expect(ask(url, { token: tokenOf.reader, ...callers.stranger })).rejects.toThrow()
    expect(await ask(url, { token: tokenOf.reader, ...callers.client })).toEqual({ status: 200 })
  })

  it('a certificate stands for a token, with its scopes', async () => {
    const { url } = await startService({ server: { tls: { ...own, clientCa: authority }, auth: withCertificate } })
    expect(await ask(url, callers.client)).toEqual({ status: 200 })
    expect(await ask(url, { ...callers.client, path: '/v1/events' })).toEqual({ status: 403, code: 'forbidden' })
    // A wrong token is wrong, whatever the certificate.
    expect(await ask(url, { ...callers.client, token: 'nobody' })).toEqual({ status: 401, code: 'unauthenticated' })
  })

  it('a certificate that stands for nobody needs a token', async () => {
    const { url } = await startService({ server: { tls: { ...own, clientCa: authority }, auth: tokens } })
    expect(await ask(url, callers.client)).toEqual({ status: 401, code: 'unauthenticated' })
  })
})
