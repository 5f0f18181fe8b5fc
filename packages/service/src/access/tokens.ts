import { hash, timingSafeEqual } from 'node:crypto'
import { PoolingConfigError } from '@headwater/pooling'

/** `read`: embeddings and models. `write`: events. `admin`: forget users. `metrics`: figures of all tenants. */
export const scopes = ['read', 'write', 'admin', 'metrics'] as const
export type Scope = (typeof scopes)[number]

export interface Principal {
  /** Name of the token, never the token. */
  readonly name: string
  readonly tenant: string
  readonly scopes: readonly Scope[]
}

interface Hashed {
  readonly principal: Principal
  /** 64 hexadecimal digits, as ASCII. */
  readonly sha256: Uint8Array
  /** The token, once it has been presented: its hash takes longer than all else that admits a request. */
  text: string | null
}

/** Bearer tokens, known by their SHA-256 until they are presented, and clients' certificates, known by theirs. */
export class Tokens {
  readonly #tokens: readonly Hashed[]
  readonly #certificates: ReadonlyMap<string, Principal>
  readonly #presented = Buffer.alloc(64)

  /** Use `parseTokens`. */
  constructor(tokens: ReadonlyMap<string, Principal>, certificates: ReadonlyMap<string, Principal>) {
    this.#tokens = [...tokens].map(([sha256, principal]) => ({
      principal,
      sha256: Buffer.from(sha256, 'latin1'),
      text: null,
    }))
    this.#certificates = certificates
  }

  get tenants(): readonly string[] {
    const principals = [...this.#tokens.map(({ principal }) => principal), ...this.#certificates.values()]
    return [...new Set(principals.map(({ tenant }) => tenant))]
  }

  /**
   * The owner of a token. Every known token is compared, in time that does not depend on where they differ, so that time
   * tells nothing but lengths of those that have been presented before.
   */
  find(token: string): Principal | undefined {
    let found: Principal | undefined
    for (const { principal, text } of this.#tokens) if (text !== null && isSame(text, token)) found = principal
    if (found !== undefined) return found
    this.#presented.write(hash('sha256', token, 'hex'), 'latin1')
    for (const known of this.#tokens) {
      if (!timingSafeEqual(known.sha256, this.#presented)) continue
      known.text = token
      found = known.principal
    }
    return found
  }

  /** The owner of a certificate, whose key the connection has proved. @param fingerprint its SHA-256, as Node writes it */
  findCertificate(fingerprint: string): Principal | undefined {
    return this.#certificates.get(digitsOf(fingerprint))
  }
}

/**
 * Reads a tokens file: `{ "tokens": [{ "name", "sha256" or "certificate", "tenant", "scopes" }] }`, where `sha256` is the
 * token's hash in 64 hexadecimal digits, and `certificate` the SHA-256 fingerprint of a client's certificate. The tokens
 * themselves should be random, 128 bits or more, so that a hash without salt is safe.
 *
 * @param where the file, for messages
 * @throws PoolingConfigError
 */
export function parseTokens(text: string, where: string): Tokens {
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch (cause) {
    throw new PoolingConfigError(`${where} is no JSON: ${(cause as Error).message}`, { cause })
  }
  const list = (file as { tokens?: unknown } | null)?.tokens
  if (!Array.isArray(list) || list.length === 0) {
    throw new PoolingConfigError(
      `${where} has no tokens; give { "tokens": [{ "name", "sha256", "tenant", "scopes" }] }`,
    )
  }
  const tokens = new Map<string, Principal>()
  const certificates = new Map<string, Principal>()
  for (const [i, entry] of list.entries()) {
    const place = `${where}, token ${i + 1}`
    const { name, sha256, certificate, tenant, scopes: given } = (entry ?? {}) as Record<string, unknown>
    if (!isText(name)) throw new PoolingConfigError(`${place} has no name; give it one, for logs`)
    if (!isText(tenant)) throw new PoolingConfigError(`${place} has no tenant; name one, say "default"`)
    if (!Array.isArray(given) || given.length === 0 || !given.every((scope) => scopes.includes(scope))) {
      throw new PoolingConfigError(`${place}: scopes must be some of ${scopes.join(', ')}`)
    }
    if (sha256 !== undefined && certificate !== undefined) {
      throw new PoolingConfigError(`${place} has both sha256 and certificate; make two of it`)
    }
    const [known, digits] =
      certificate === undefined
        ? [tokens, digitsAt(sha256, `${place}: sha256 is no hash`, "token's SHA-256")]
        : [certificates, digitsAt(certificate, `${place}: certificate is no fingerprint`, "certificate's SHA-256")]
    if (known.has(digits)) throw new PoolingConfigError(`${place} is in the file twice; remove one`)
    known.set(digits, { name, tenant, scopes: given as Scope[] })
  }
  return new Tokens(tokens, certificates)
}

function digitsAt(value: unknown, problem: string, what: string): string {
  const digits = typeof value === 'string' ? digitsOf(value) : ''
  if (/^[0-9a-f]{64}$/.test(digits)) return digits
  throw new PoolingConfigError(`${problem}; give the 64 hexadecimal digits of the ${what}`)
}

/** Looks at every character, whatever they are. */
function isSame(known: string, presented: string): boolean {
  if (known.length !== presented.length) return false
  let differs = 0
  for (let i = 0; i < known.length; i++) differs |= known.charCodeAt(i) ^ presented.charCodeAt(i)
  return differs === 0
}

/** Tools write a fingerprint with colons. */
const digitsOf = (hexadecimal: string) => hexadecimal.replaceAll(':', '').toLowerCase()

const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0
