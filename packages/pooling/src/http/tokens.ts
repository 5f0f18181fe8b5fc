import { createHash, timingSafeEqual } from 'node:crypto'
import { PoolingConfigError } from '../errors.ts'

/** `read`: embeddings and models. `write`: events. `admin`: forget users. `metrics`: figures of all tenants. */
export const scopes = ['read', 'write', 'admin', 'metrics'] as const
export type Scope = (typeof scopes)[number]

/** Who a request comes from. */
export interface Principal {
  /** Name of the token, never the token. */
  readonly name: string
  readonly tenant: string
  readonly scopes: readonly Scope[]
}

interface HashedToken {
  readonly principal: Principal
  readonly sha256: Buffer
}

/** Bearer tokens, known by their SHA-256 alone. */
export class Tokens {
  readonly #tokens: readonly HashedToken[]

  /** Use `parseTokens`. */
  constructor(tokens: readonly HashedToken[]) {
    this.#tokens = tokens
  }

  /** Tenants of all tokens. */
  get tenants(): readonly string[] {
    return [...new Set(this.#tokens.map(({ principal }) => principal.tenant))]
  }

  /** The owner of a token. Every known token is compared, in constant time, so that time tells nothing of them. */
  find(token: string): Principal | undefined {
    const presented = createHash('sha256').update(token).digest()
    let found: Principal | undefined
    for (const { principal, sha256 } of this.#tokens) if (timingSafeEqual(sha256, presented)) found = principal
    return found
  }
}

/**
 * Reads a tokens file: `{ "tokens": [{ "name", "sha256", "tenant", "scopes" }] }`, where `sha256` is the token's hash in
 * 64 hexadecimal digits. The tokens themselves should be random, 128 bits or more, so that a hash without salt is safe.
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
  const hashes = new Set<string>()
  return new Tokens(
    list.map((entry, i) => {
      const place = `${where}, token ${i + 1}`
      const { name, sha256, tenant, scopes: given } = (entry ?? {}) as Record<string, unknown>
      if (!isText(name)) throw new PoolingConfigError(`${place} has no name; give it one, for logs`)
      if (!isText(tenant)) throw new PoolingConfigError(`${place} has no tenant; name one, say "default"`)
      if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256)) {
        throw new PoolingConfigError(
          `${place}: sha256 is no hash; give the 64 hexadecimal digits of the token's SHA-256`,
        )
      }
      if (!Array.isArray(given) || given.length === 0 || !given.every((scope) => scopes.includes(scope))) {
        throw new PoolingConfigError(`${place}: scopes must be some of ${scopes.join(', ')}`)
      }
      if (hashes.has(sha256.toLowerCase())) throw new PoolingConfigError(`${place} is in the file twice; remove one`)
      hashes.add(sha256.toLowerCase())
      return { principal: { name, tenant, scopes: given as Scope[] }, sha256: Buffer.from(sha256, 'hex') }
    }),
  )
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0
