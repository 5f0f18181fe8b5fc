/**
 * Where a recorded step's time goes: every distinct dispatch of it (kernel, tuning, shape) is timed alone, on the step's
 * own buffers, and the sum over all dispatches is held against the step's time.
 */
import type { Dispatch, GpuDevice } from '@headwater/gpu'
import { RepeatedRuns } from './repeated-runs.ts'
import { type Roofline, rates } from './roofline.ts'

const rounds = 5
const submitMs = 20

export interface DispatchFigure {
  readonly kernel: string
  readonly tuning: string
  readonly shape: { readonly [name: string]: number }
  /** Of such dispatches in a step. */
  readonly count: number
  /** The best of several measurements, alone. */
  readonly bestMs: number
  readonly gflops: number
  readonly gbps: number
  readonly roofline: number
  /** Milliseconds of a step over what the roofline would take. */
  readonly lostMs: number
}

/** The slowest beyond its roofline first. */
export async function timeDispatches(
  device: GpuDevice,
  dispatches: readonly Dispatch[],
  roofline: Roofline,
): Promise<DispatchFigure[]> {
  const distinct = new Map<string, { dispatch: Dispatch; count: number }>()
  for (const dispatch of dispatches) {
    const key = `${dispatch.kernel} ${dispatch.tuning} ${JSON.stringify(dispatch.shape)}`
    const known = distinct.get(key)
    if (known) known.count++
    else distinct.set(key, { dispatch, count: 1 })
  }
  const figures: DispatchFigure[] = []
  for (const { dispatch, count } of distinct.values()) {
    const runs = await RepeatedRuns.make(device, [dispatch], submitMs)
    let bestMs = Number.POSITIVE_INFINITY
    for (let round = 0; round < rounds; round++) bestMs = Math.min(bestMs, await runs.timeMs())
    runs.dispose()
    const { kernel, tuning, shape } = dispatch
    const speed = rates(dispatch, bestMs, roofline)
    const idealMs = Math.max(dispatch.flops / roofline.gflops, dispatch.bytes / roofline.gbps) / 1e6
    figures.push({ kernel, tuning, shape, count, bestMs, ...speed, lostMs: count * (bestMs - idealMs) })
  }
  return figures.sort((a, b) => b.lostMs - a.lostMs)
}

/** Milliseconds that a step's dispatches take, each at its best. */
export const sumOfBest = (figures: readonly DispatchFigure[]) =>
  figures.reduce((sum, { count, bestMs }) => sum + count * bestMs, 0)
