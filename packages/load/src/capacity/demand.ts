import { CapacityError } from './constants.ts'

const bound = (isWhole: boolean) => (least: number, most: number, standard: number, meaning: string) => {
  return { least, most, isWhole, standard, meaning }
}
const [whole, real] = [bound(true), bound(false)]

/** What is asked of a service, and of what machines it is to be made: bounds, defaults and meanings of its numbers. */
export const demandBounds = {
  users: whole(1, 1e11, 1e6, 'users of whom something is held'),
  models: whole(1, 16, 1, 'whose embeddings each of them has'),
  dim: whole(1, 65_536, 192, 'values of an embedding'),
  ring: whole(1, 255, 3, 'embeddings kept of a user and model'),
  reads: real(0, 1e9, 1_000, 'calls that read, a second'),
  usersARead: whole(1, 1_000, 100, 'users of a call'),
  /** Each through all models. */
  refreshes: real(0, 1e5, 4, 'of a user and day'),
  events: real(0, 1e5, 4, 'of a user and day'),
  replicas: whole(0, 5, 1, 'of each Valkey master'),
  /** A process each. */
  cores: whole(1, 1_024, 16, 'processors of a machine for readers or workers'),
  nodeGigabytes: real(0.1, 100_000, 64, 'memory of a Valkey node'),
  /** The rest is for peaks and for what fails. */
  utilization: real(0.05, 1, 0.6, 'how busy a processor is made at most'),
  /** The rest is for fragments, and for copies during a dump. */
  fill: real(0.05, 1, 0.6, "how full a Valkey node's memory is made at most"),
}

export type CapacityDemand = { readonly [name in keyof typeof demandBounds]: number } & {
  readonly codec: 'fp16' | 'int8'
}

/** @throws CapacityError */
export function checkDemand(demand: CapacityDemand): void {
  for (const [name, { least, most, isWhole }] of Object.entries(demandBounds)) {
    const value = demand[name as keyof typeof demandBounds]
    if (value >= least && value <= most && (!isWhole || Number.isInteger(value))) continue
    const ask = `give a${isWhole ? ' whole' : ''} number from ${least} to ${most}.`
    throw new CapacityError(`${name} is ${value}; ${ask}`)
  }
}
