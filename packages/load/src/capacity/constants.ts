/** What the scale model counts with. Each constant was measured, by a command that stands beside it. */
export interface Constant {
  readonly value: number
  /** Which command printed it. */
  readonly command: string
}

/** Constants, their units in their names, with what they are of. */
export const constantMeanings = {
  readCallUs: "processor time of a reader's call, whatever it reads",
  readNodeUs: 'the same for each Valkey master but the first that a call asks',
  readUserUs: 'the same for each user and model of a call',
  readValueNs: 'the same for each value of an embedding',
  eventUs: 'processor time of an event, a call each',
  refreshUs: 'processor time of a refresh in a worker, the tower aside',
  storeCallUs: 'processor time of Valkey for a call, at each master that it asks',
  storeUserUs: 'the same for each user and model',
  storeKilobyteUs: 'the same for each 1,000 bytes of rings that are read',
  storeEventUs: 'processor time of Valkey for an event',
  storeRefreshUs: 'processor time of Valkey for a refresh',
  storeUserBytes: 'memory of Valkey for a user beside state and rings',
  storeRingBytes: 'memory of Valkey for a ring beside its record',
  stateBytes: "a user's state; depends on the schema",
  storeDiskShare: 'bytes of a dump on disk, for each byte of memory',
  answerCallBytes: 'bytes of an answer beside its rows',
  answerUserBytes: 'bytes of a row of an answer beside its vector',
  encodeUsersPerSecond: 'users a second that an encoder computes, batches of 512',
} as const

export type ConstantName = keyof typeof constantMeanings
export type CapacityConstants = { readonly [name in ConstantName]: Constant }

/** A quantity at a size that the constants were not measured at: said before, and measured then. */
export interface CapacityCheck {
  readonly what: string
  readonly unit: string
  readonly predicted: number
  readonly measured: number
}

/** A file of constants. */
export interface MeasuredConstants {
  /** Machine, date and commit. */
  readonly measuredOn: string
  readonly constants: CapacityConstants
  /** Empty where only constants were replaced. */
  readonly checks: readonly CapacityCheck[]
}

/** A constant that a user gives is none. */
export class CapacityError extends Error {
  override readonly name = 'CapacityError'
}

/** @param text JSON of `{ "NAME": { "value": …, "command": … }, … }`, or of a whole file of constants @throws CapacityError */
export function withConstants(base: MeasuredConstants, given: unknown, source: string): MeasuredConstants {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new CapacityError(`${source} is no JSON object; give constants by name: ${names()}.`)
  const found = 'constants' in given ? given.constants : given
  const replaced: { [name: string]: Constant } = {}
  for (const [name, constant] of Object.entries(found ?? {})) {
    if (!(name in constantMeanings))
      throw new CapacityError(`${source}: there is no constant "${name}"; known are ${names()}.`)
    const { value, command } = (constant ?? {}) as Partial<Constant>
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
      throw new CapacityError(`${source}: ${name}.value is ${JSON.stringify(value)}; give a number of at least 0.`)
    if (typeof command !== 'string' || command === '')
      throw new CapacityError(`${source}: ${name}.command is missing; name the command that measured it.`)
    replaced[name] = { value, command }
  }
  // Checks of the base were made with the base's constants.
  const checks = 'checks' in given && Array.isArray(given.checks) ? (given.checks as CapacityCheck[]) : []
  return { measuredOn: source, constants: { ...base.constants, ...replaced }, checks }
}

const names = () => Object.keys(constantMeanings).join(', ')
