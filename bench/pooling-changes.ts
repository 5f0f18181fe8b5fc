/** Reads while the snapshot is swapped, promoted and rolled back, and while the encoder is killed. */
import { promoteSnapshot } from '@headwater/snapshot'
import type { LoadFigures } from './load.ts'
import { placesOf, type Served, sleep, withService } from './pooling-served.ts'
import type { Told } from './pooling-service.ts'
import { snapshots } from './pooling-world.ts'
import { type Spread, spread } from './report.ts'

/** `hot swap`: another process points the model's directory at a snapshot, and the service follows. */
export const changes = ['hot swap', 'promotion', 'rollback', 'encoder killed'] as const
export type Change = (typeof changes)[number]

export interface ChangeFigures {
  readonly times: number
  readonly reads: number
  readonly failedReads: number
  /** Rows served from the store, of all: in the windows before, and in those with the change. */
  readonly hitRateBefore: number
  readonly hitRate: number
  /** Read p99, with the change ÷ before. */
  readonly p99Ratio: Spread
  /** From the change's start until refreshes land through the new snapshot, or the new process. */
  readonly tookMs: Spread
}

export interface ChangesFigures {
  readonly places: string
  readonly readShare: number
  readonly readsPerSecond: number
  /** Of refreshes, meanwhile. */
  readonly offersPerSecond: number
  readonly hitRatePointsAtMost: number
  readonly changes: { readonly [change in Change]: ChangeFigures }
}

const readShare = 0.5
const encodeShare = 0.5
const times = 5
const windowSeconds = 3
const changeAfterMs = 500
const settledWithinMs = 30_000

interface Taken {
  readonly before: Window
  readonly during: Window
  readonly tookMs: number
}

interface Window {
  readonly load: LoadFigures
  readonly rows: number
  readonly hits: number
}

export function benchChanges(): Promise<ChangesFigures> {
  return withService({ isEncoderApart: true, maxQueue: 1_000 }, async (served) => {
    const offersPerSecond = encodeShare * (await served.encodeCapacity(3))
    await served.tell({ do: 'offer', perSecond: offersPerSecond })
    await served.read(readShare, windowSeconds)
    const taken: { [change in Change]: Taken[] } = {
      'hot swap': [],
      promotion: [],
      rollback: [],
      'encoder killed': [],
    }
    for (let time = 0; time < times; time++)
      for (const change of changes) taken[change].push(await withChange(served, change))
    return {
      places: placesOf(true),
      readShare,
      readsPerSecond: readShare * served.callsPerSecond,
      offersPerSecond,
      hitRatePointsAtMost: 1,
      changes: Object.fromEntries(changes.map((change) => [change, figuresOf(taken[change])])) as {
        readonly [change in Change]: ChangeFigures
      },
    }
  })
}

async function withChange(served: Served, change: Change): Promise<Taken> {
  const before = await window(served, async () => {})
  let tookMs = 0
  const during = await window(served, async () => {
    await sleep(changeAfterMs)
    const startMs = performance.now()
    await make(served, change)
    tookMs = performance.now() - startMs
  })
  return { before, during, tookMs }
}

/** Reads, and what goes on meanwhile. */
async function window(served: Served, meanwhile: () => Promise<void>): Promise<Window> {
  const { counters: before } = await served.tell()
  const [load] = await Promise.all([served.read(readShare, windowSeconds), meanwhile()])
  const { counters: after } = await served.tell()
  return { load, rows: after.reads - before.reads, hits: after.hits - before.hits }
}

async function make(served: Served, change: Change): Promise<void> {
  const told = await served.tell()
  const landed = (now: Told) => now.counters.refreshes > told.counters.refreshes
  if (change === 'encoder killed') {
    await served.tell({ do: 'kill' })
    await until(served, (now) => now.encoder.restarts > told.encoder.restarts && now.encoder.state === 'ready')
    return
  }
  const next = [snapshots.first, ...snapshots.next].find((snapshot) => snapshot !== told.snapshot)!
  if (change === 'hot swap') await promoteSnapshot(served.models.base, next, false)
  else if (change === 'promotion') await served.tell({ do: 'promote', snapshot: next })
  else await served.tell({ do: 'roll back' })
  await until(served, (now) => now.snapshot !== told.snapshot && landed(now))
}

async function until(served: Served, holds: (told: Told) => boolean): Promise<void> {
  const endMs = performance.now() + settledWithinMs
  while (!holds(await served.tell())) {
    if (performance.now() > endMs) throw new Error(`a change has not come about within ${settledWithinMs} ms`)
    await sleep(50)
  }
}

function figuresOf(taken: readonly Taken[]): ChangeFigures {
  const windows = taken.flatMap(({ before, during }) => [before.load, during.load])
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  const hitRateOf = (some: readonly Window[]) => sum(some.map(({ hits }) => hits)) / sum(some.map(({ rows }) => rows))
  return {
    times: taken.length,
    reads: sum(windows.map(({ answered, failed }) => answered + failed)),
    failedReads: sum(windows.map(({ failed }) => failed)),
    hitRateBefore: hitRateOf(taken.map(({ before }) => before)),
    hitRate: hitRateOf(taken.map(({ during }) => during)),
    p99Ratio: spread(taken.map(({ before, during }) => during.load.p99Ms / before.load.p99Ms)),
    tookMs: spread(taken.map(({ tookMs }) => tookMs)),
  }
}
