import type { RecordAddress } from '../../record/record.ts'

/**
 * Keys in LMDB: `tenant NUL key` for states and events, `tenant NUL user NUL model` for rings, `tenant NUL digest` for
 * tombstones; as their plain UTF-8, so that their order is that of the bytes.
 */
export function addressOf(tenant: string, key: string, model?: string): string {
  return model === undefined ? `${tenant}\0${key}` : `${tenant}\0${key}\0${model}`
}

export function partsOf(address: string): Omit<RecordAddress, 'table'> {
  const [tenant, key = '', model] = address.split('\0')
  return { tenant, key, model }
}

/** The first string after all that start with `prefix`, which ends in NUL. */
export function endOfPrefix(prefix: string): string {
  return `${prefix.slice(0, -1)}\x01`
}

/** Before all addresses. */
export const firstAddress = '\x01'

/** For LMDB: how addresses become bytes and strings again. */
export const keyEncoder = {
  writeKey: (key: string, target: Buffer, start: number) => start + target.write(key, start, 'utf8'),
  readKey: (source: Buffer, start: number, end: number) => source.toString('utf8', start, end),
}
