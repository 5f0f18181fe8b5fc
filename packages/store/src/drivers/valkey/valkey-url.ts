import { readFileSync } from 'node:fs'
import { StoreUrlError } from '../../validation/errors.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * When a write counts as written. `none`: when the master has it in memory. `replica`: when a replica has it too. `disk`:
 * when it is on the master's disk and, in a cluster, on that of a replica.
 */
export type Durability = 'none' | 'replica' | 'disk'

export interface ValkeyOptions {
  /** Any servers of the cluster, or one server and its replicas. */
  readonly seeds: readonly Address[]
  readonly username: string | undefined
  readonly password: string | undefined
  /** PEM of the authorities; null for those of the system; undefined for connections without TLS. */
  readonly ca: string | null | undefined
  readonly durability: Durability
  /** Longest that a read waits. Half of it for the master, if there is a replica. */
  readonly timeoutMs: number
  /** How long a write waits for a sign of its master, and what must not miss the newest. */
  readonly patienceMs: number
  /** Longest that these wait in all, and listings for one answer. */
  readonly mostMs: number
}

/** A short timeout is for reads, which go elsewhere behind it: a master may fall silent for longer and be well. */
const leastPatienceMs = 3_000

const form = 'valkey://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT] …][?durability=none|replica|disk&timeout=MS]'

/** Scheme, credentials, hosts, query. A password may hold all but `@`, `/`, `?` and `#`, which are to be percent-encoded. */
const urlForm = /^(valkeys?):\/\/(?:([^@/?#]*)@)?([^@/?#]+)\/?(?:\?([^#]*))?$/

/** @throws StoreUrlError; its message does not hold the password. */
export function parseValkeyUrl(url: string): ValkeyOptions {
  const match = urlForm.exec(url)
  if (match === null) throw new StoreUrlError(url, `is not of the form ${form}`)
  const [, scheme, credentials, hosts, query = ''] = match
  const parameters = new URLSearchParams(query)
  for (const name of parameters.keys()) {
    if (!['durability', 'timeout', 'ca'].includes(name) || parameters.getAll(name).length > 1) {
      throw new StoreUrlError(url, `has a parameter "${name}" that is unknown or given twice; the form is ${form}`)
    }
  }
  const durability = parameters.get('durability') ?? 'none'
  if (durability !== 'none' && durability !== 'replica' && durability !== 'disk') {
    throw new StoreUrlError(url, 'has a durability that is none of none, replica and disk')
  }
  const timeoutMs = Number(parameters.get('timeout') ?? 500)
  if (!(Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= 600_000)) {
    throw new StoreUrlError(url, 'has a timeout that is not a number of milliseconds from 1 to 600000')
  }
  const [username, password] = credentialsOf(url, credentials)
  return {
    seeds: hosts.split(',').map((host) => parseHost(url, host)),
    username: username === '' ? undefined : username,
    password,
    ca: scheme === 'valkeys' ? readAuthority(url, parameters.get('ca')) : undefined,
    durability,
    timeoutMs,
    patienceMs: Math.min(20 * timeoutMs, Math.max(timeoutMs, leastPatienceMs)),
    mostMs: 20 * timeoutMs,
  }
}

/** `HOST`, `HOST:PORT`, `[IPv6]` or `[IPv6]:PORT`. */
function parseHost(url: string, text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:]+))(?::(\d+))?$/.exec(text)
  const port = Number(match?.[3] ?? 6_379)
  if (match === null || port < 1 || port > 65_535) {
    throw new StoreUrlError(url, `names a host "${text}" that is not of the form HOST:PORT`)
  }
  return { host: match[1] ?? match[2], port }
}

/** User and password, parted by the first colon. */
function credentialsOf(url: string, credentials: string | undefined): readonly (string | undefined)[] {
  const [, ...parts] = /^([^:]*)(?::(.*))?$/s.exec(credentials ?? '') ?? []
  try {
    return parts.map((part) => (part === undefined ? undefined : decodeURIComponent(part)))
  } catch {
    throw new StoreUrlError(url, 'has a user or password whose percent-encoding is broken; write % as %25')
  }
}

function readAuthority(url: string, file: string | null): string | null {
  if (file === null) return null
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new StoreUrlError(url, `names a file of authorities that cannot be read: ${(error as Error).message}`)
  }
}
