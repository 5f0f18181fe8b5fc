import { CapacityError } from './constants.ts'

/** What is asked of a service, and of what machines it is to be made. */
export interface CapacityDemand {
  readonly users: number
  readonly models: number
  /** Values of an embedding. */
  readonly dim: number
  /** Embeddings kept of a user and model. */
  readonly ring: number
  readonly codec: 'fp16' | 'int8'
  /** Calls that read, a second. */
  readonly reads: number
  readonly usersARead: number
  /** Of a user and day, each through all models. */
  readonly refreshes: number
  /** Of a user and day. */
  readonly events: number
  /** Of each Valkey master. */
  readonly replicas: number
  /** Processors of a machine for readers and workers: a process each. */
  readonly cores: number
  /** Memory of a Valkey node. */
  readonly nodeGigabytes: number
  /** How busy a process is made at most, 0 … 1: the rest is for peaks and for what fails. */
  readonly utilization: number
  /** How full a Valkey node's memory is made at most, 0 … 1: the rest is for fragments, and for copies during a dump. */
  readonly fill: number
}

export interface DemandBound {
  readonly least: number
  readonly most: number
  readonly isWhole: boolean
  readonly standard: number
}

const whole = (least: number, most: number, standard: number): DemandBound => ({ least, most, isWhole: true, standard })
const real = (least: number, most: number, standard: number): DemandBound => ({ least, most, isWhole: false, standard })

export type DemandNumber = Exclude<keyof CapacityDemand, 'codec'>

/** Bounds and defaults. */
export const demandBounds: { readonly [name in DemandNumber]: DemandBound } = {
  users: whole(1, 1e11, 1e6),
  models: whole(1, 16, 1),
  dim: whole(1, 65_536, 192),
  ring: whole(1, 255, 3),
  reads: real(0, 1e9, 1_000),
  usersARead: whole(1, 1_000, 100),
  refreshes: real(0, 1e5, 4),
  events: real(0, 1e5, 4),
  replicas: whole(0, 5, 1),
  cores: whole(1, 1_024, 16),
  nodeGigabytes: real(0.1, 100_000, 64),
  utilization: real(0.05, 1, 0.6),
  fill: real(0.05, 1, 0.6),
}

/** @throws CapacityError */
export function checkDemand(demand: CapacityDemand): void {
  for (const [name, bound] of Object.entries(demandBounds)) {
    const value = demand[name as DemandNumber]
    const fits = value >= bound.least && value <= bound.most && (!bound.isWhole || Number.isInteger(value))
    if (!fits)
      throw new CapacityError(
        `${name} is ${value}; give a${bound.isWhole ? ' whole' : ''} number from ${bound.least} to ${bound.most}.`,
      )
  }
}
