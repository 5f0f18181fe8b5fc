/** A service, a load of reads on it, and what benches ask of both. */
import type { Saturated } from './encoder-capacity.ts'
import { type LoadFigures, type LoadProcess, startLoad } from './load.ts'
import { canPin, forkPinned, oneCoreOptions, type PinnedProcess } from './pinned-process.ts'
import type { Order, ServiceSettings, Told } from './pooling-service.ts'
import { type ModelDirectories, openWorld, publishModels, readRequests } from './pooling-world.ts'
import { type Spread, spread } from './report.ts'
import { withStolen } from './stolen-time.ts'

const connections = 32

/** What a report says of where the processes ran. */
export function placesOf(isEncoderApart: boolean): string {
  if (!canPin) return 'nothing pinned, as there is no taskset'
  return isEncoderApart
    ? 'service on processor 0; encoder, in idle time, and the load, in real time, on processor 1'
    : 'service on processor 0; encoder, in idle time, on processors 0 and 1; the load, in real time, on processor 1'
}

export interface ServedSettings extends Pick<ServiceSettings, 'isEncoderApart' | 'maxQueue'> {
  /** Default `webgpu`. */
  readonly encoder?: ServiceSettings['encoder']
  /** Default 128. */
  readonly batchRows?: ServiceSettings['batchRows']
  /** Default: users are in memory, and nothing is logged. */
  readonly directory?: string | null
  /** Default 100. */
  readonly usersACall?: number
}

export class Served {
  readonly models: ModelDirectories
  /** Calls a second that a closed loop got when it was measured last: at first while nothing is refreshed. */
  callsPerSecond: number
  readonly #process: PinnedProcess
  readonly #load: LoadProcess
  readonly #requests: readonly Uint8Array[]
  readonly #port: number

  private constructor(
    models: ModelDirectories,
    process: PinnedProcess,
    load: LoadProcess,
    requests: readonly Uint8Array[],
    port: number,
    callsPerSecond: number,
  ) {
    this.models = models
    this.#process = process
    this.#load = load
    this.#requests = requests
    this.#port = port
    this.callsPerSecond = callsPerSecond
  }

  static async start({
    directory = null,
    batchRows = 128,
    encoder = 'webgpu',
    usersACall = 100,
    ...given
  }: ServedSettings) {
    const world = await openWorld()
    const models = await publishModels(world)
    const { base, dearer } = models
    const settings: ServiceSettings = { ...given, base, dearer, encoder, batchRows, directory }
    const service = forkPinned('pooling-service.ts', 0, settings, oneCoreOptions)
    const load = startLoad()
    try {
      const { port } = await service.ask<Told>({ do: 'tell' })
      const requests = readRequests(world.users, usersACall)
      const most = { port, requests, connections: 8 }
      await load.run({ ...most, seconds: 2 })
      const { perSecond } = await load.run({ ...most, seconds: 2 })
      return new Served(models, service, load, requests, port, perSecond)
    } catch (cause) {
      await Promise.all([service.close(), load.close()])
      models.remove()
      throw cause
    }
  }

  tell(order: Order = { do: 'tell' }): Promise<Told> {
    return this.#process.ask<Told>(order)
  }

  /** Measures again what a closed loop gets: a machine's speed changes. */
  async measure(): Promise<void> {
    const most = { port: this.#port, requests: this.#requests, connections: 8 }
    const { perSecond } = await this.#load.run({ ...most, seconds: 2 })
    this.callsPerSecond = perSecond
  }

  /** Reads of 100 users a call at times that were fixed before. @param share of `callsPerSecond` */
  read(share: number, seconds: number): Promise<LoadFigures> {
    return this.#load.run({
      port: this.#port,
      requests: this.#requests,
      connections,
      seconds,
      arrivals: { perSecond: share * this.callsPerSecond, kind: 'constant', seed: 1, sleeps: true },
    })
  }

  /**
   * Refreshes a second that land while the encoder always has work.
   * @param readShare of reads meanwhile, whose load may take the encoder's processor; default: there are none
   * @throws Error where none does
   */
  async encodeCapacity(seconds: number, readShare = 0): Promise<number> {
    await this.tell({ do: 'offer', perSecond: 'saturating' })
    await sleep(1_000)
    const during = () => (readShare === 0 ? sleep(1_000 * seconds) : this.read(readShare, seconds))
    const perSecond = await this.refreshesPerSecond(during)
    await this.tell({ do: 'offer', perSecond: 0 })
    if (perSecond > 0) return perSecond
    throw new Error(
      `no refresh landed in ${seconds} s: other programs want all processors, and the encoder runs in idle time; end them`,
    )
  }

  /** The same, with what a batch takes the encoder meanwhile. */
  async saturate(seconds: number, readShare: number): Promise<Saturated> {
    const before = await this.tell()
    const refreshesPerSecond = await this.encodeCapacity(seconds, readShare)
    return { refreshesPerSecond, batchMs: batchMsBetween(before, await this.tell()) }
  }

  async refreshesPerSecond(during: () => Promise<unknown>): Promise<number> {
    const before = (await this.tell()).counters.refreshes
    const startMs = performance.now()
    await during()
    const { refreshes } = (await this.tell()).counters
    return (1_000 * (refreshes - before)) / (performance.now() - startMs)
  }

  async close(): Promise<void> {
    await Promise.all([this.#process.close(), this.#load.close()])
    this.models.remove()
  }
}

/** Runs a bench on a service that is closed whatever happens. */
export async function withService<Figures>(
  settings: ServedSettings,
  bench: (served: Served) => Promise<Figures>,
): Promise<Figures> {
  const served = await Served.start(settings)
  try {
    return await bench(served)
  } finally {
    await served.close()
  }
}

/** What a batch took the encoder that landed in between. */
export function batchMsBetween(before: Told, behind: Told): number {
  return (behind.encodeMs - before.encodeMs) / (behind.batches - before.batches)
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** The 99th percentile of reads in a setting, in milliseconds. */
export interface SettingFigures {
  readonly p50Ms: Spread
  readonly p99Ms: Spread
  /** Of the load itself; part of the above. */
  readonly lateP99Ms: Spread
  readonly refreshesPerSecond: Spread
  readonly failedReads: number
}

/** p99 of one setting to that of another, of rounds that alternate. */
export interface TurnsRatio {
  /** Of pairs in which the host stole no processor time. */
  readonly undisturbed: Spread
  readonly undisturbedPairs: number
  readonly all: Spread
  readonly pairs: number
}

/** Until what a refresh takes has been compiled, which holds reads up for milliseconds at a time. */
const warmingRounds = 24
/** Rounds beyond those asked for, where the host steals time in them, as a multiple. */
const mostRounds = 2

/**
 * Reads in several settings that take turns, in an order that is turned round every time, until as many rounds as asked for
 * lost no processor time to the host, or twice as many have been run. The first setting is one without refreshes.
 *
 * @param set brings a setting about
 * @returns by setting, of undisturbed rounds, and the p99 of each round; of all rounds where the host disturbed nearly all
 */
export async function inTurns<Setting extends string>(
  served: Served,
  settings: readonly Setting[],
  { rounds, share, seconds }: { readonly rounds: number; readonly share: number; readonly seconds: number },
  set: (setting: Setting) => Promise<void>,
): Promise<{
  readonly figures: { readonly [setting in Setting]: SettingFigures }
  ratio(of: Setting, to: Setting): TurnsRatio
}> {
  type Run = LoadFigures & { readonly refreshes: number; readonly isUndisturbed: boolean }
  const taken = new Map(settings.map((setting) => [setting, [] as Run[]]))
  const runsOf = (setting: Setting) => taken.get(setting)!
  const undisturbed = (round: number) => settings.every((setting) => runsOf(setting)[round].isUndisturbed)
  let quiet = 0
  for (let round = -warmingRounds; round < mostRounds * rounds && quiet < rounds; round++) {
    await set(settings[0])
    // The share stays what it is while the machine's speed changes.
    if (round >= 0) await served.measure()
    for (const setting of round % 2 === 0 ? settings : [...settings].reverse()) {
      await set(setting)
      const { result, stolenMs } = await withStolen(async () => {
        let load: LoadFigures | null = null
        const refreshes = await served.refreshesPerSecond(async () => {
          load = await served.read(share, seconds)
        })
        return { ...load!, refreshes }
      })
      if (round >= 0) runsOf(setting).push({ ...result, isUndisturbed: stolenMs === 0 })
    }
    if (round >= 0 && undisturbed(round)) quiet++
  }
  const figuresOf = (all: readonly Run[]): SettingFigures => {
    const some = all.filter(({ isUndisturbed }) => isUndisturbed)
    const runs = some.length < leastRounds ? all : some
    return {
      p50Ms: spread(runs.map(({ p50Ms }) => p50Ms)),
      p99Ms: spread(runs.map(({ p99Ms }) => p99Ms)),
      lateP99Ms: spread(runs.map(({ lateP99Ms }) => lateP99Ms)),
      refreshesPerSecond: spread(runs.map(({ refreshes }) => refreshes)),
      failedReads: all.reduce((sum, { failed }) => sum + failed, 0),
    }
  }
  return {
    figures: Object.fromEntries(settings.map((setting) => [setting, figuresOf(runsOf(setting))])) as {
      readonly [setting in Setting]: SettingFigures
    },
    ratio: (of, to) => {
      const pairs = runsOf(of).map((run, r) => ({
        ratio: run.p99Ms / runsOf(to)[r].p99Ms,
        isUndisturbed: run.isUndisturbed && runsOf(to)[r].isUndisturbed,
      }))
      const all = spread(pairs.map(({ ratio }) => ratio))
      const some = pairs.filter(({ isUndisturbed }) => isUndisturbed).map(({ ratio }) => ratio)
      return {
        undisturbed: some.length === 0 ? all : spread(some),
        undisturbedPairs: some.length,
        all,
        pairs: pairs.length,
      }
    },
  }
}

/** Undisturbed rounds below which all are reported. */
const leastRounds = 5
