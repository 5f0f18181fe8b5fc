/**
 * Every kernel in every tuning that the adapter runs, on the shapes that its declaration calls benchmarks: time, GFLOP/s,
 * GB/s and the share of the roofline that was measured in the same run. Then what it costs to replay a record.
 *
 * A measurement is a submit of as many runs as fill 10 ms; the tunings of a shape take turns; medians with p10 and p90.
 */
import { type AnyKernel, type GpuDevice, requestDevice, type Shape } from '@headwater/gpu'
import { kernels, ridgeSolve } from '@headwater/kernels'
import { measureReplay, type Replay } from './replay-overhead.ts'
import {
  digits,
  type Figure,
  matching,
  options,
  percent,
  progress,
  provenance,
  publish,
  runBench,
  spread,
  table,
} from './report.ts'
import { measureRidgeApart, type RidgeApart, ridgeText } from './ridge-apart.ts'
import { measureRoofline, type Roofline, rates, rooflineText } from './roofline.ts'
import { dimensionsOf, timeTunings } from './timed-kernel.ts'

interface KernelFigure extends Figure {
  readonly dimensions: string
  /** Whether the library chooses this tuning here. */
  readonly chosen: boolean
  readonly firstMs: number
}

async function figuresOf(
  device: GpuDevice,
  kernel: AnyKernel,
  shape: Shape,
  roofline: Roofline,
): Promise<KernelFigure[]> {
  const { dispatch, tunings } = await timeTunings(device, kernel, shape)
  const chosen = device.tuning(kernel, shape).name
  return tunings.map(({ tuning, timesMs, firstMs }) => {
    const { median: ms, p10, p90 } = spread(timesMs)
    return {
      ...{ kernel: kernel.name, shape, tuning, ms, p10, p90 },
      ...rates(dispatch, ms, roofline),
      peers: {},
      dimensions: dimensionsOf(kernel, shape),
      chosen: tuning === chosen,
      firstMs,
    }
  })
}

function report(
  figures: readonly KernelFigure[],
  roofline: Roofline,
  replay: Replay,
  ridgeApart: RidgeApart | undefined,
): string {
  const cells = (of: (figure: KernelFigure) => string) => figures.map(of)
  const text = table([
    { title: 'kernel', cells: cells(({ kernel }) => kernel) },
    { title: 'shape', cells: cells(({ dimensions }) => dimensions), left: true },
    { title: 'tuning (* chosen)', cells: cells(({ tuning, chosen }) => tuning + (chosen ? ' *' : '')), left: true },
    { title: 'ms', cells: cells(({ ms }) => digits(ms)) },
    { title: 'p10 – p90', cells: cells(({ p10, p90 }) => `${digits(p10)} – ${digits(p90)}`) },
    { title: 'GFLOP/s', cells: cells(({ gflops }) => digits(gflops)) },
    { title: 'GB/s', cells: cells(({ gbps }) => digits(gbps)) },
    { title: 'of roofline', cells: cells(({ roofline }) => percent(roofline)) },
    { title: 'first, ms', cells: cells(({ firstMs }) => firstMs.toFixed(0)) },
  ])
  const lines = [
    rooflineText(roofline),
    "first, ms: the first run, with the driver's compilation unless its cache on disk had the pipeline",
    `replay of a record of ${replay.dispatches} dispatches: ${digits(replay.encodeUs.median)} µs of encoding a dispatch ` +
      `(at most 3: ${replay.encodeUs.median <= 3 ? 'holds' : 'MISSED'}), ${digits(replay.submitUs.median)} µs with finish and submit`,
    ...(ridgeApart ? [ridgeText(ridgeApart)] : []),
  ]
  return `${text}\n\n${lines.join('\n')}`
}

await runBench(async () => {
  const { filter } = options()
  const device = await requestDevice({ label: 'kernel bench' })
  const roofline = await measureRoofline(device)
  progress(rooflineText(roofline))
  const figures: KernelFigure[] = []
  const failures: string[] = []
  for (const kernel of matching(kernels, filter))
    for (const shape of kernel.benchmarks as readonly Shape[])
      try {
        const measured = await figuresOf(device, kernel, shape, roofline)
        figures.push(...measured)
        const times = measured.map(({ tuning, ms }) => `${tuning} ${digits(ms)} ms`)
        progress(`${kernel.name}, ${dimensionsOf(kernel, shape)}: ${times.join(', ')}`)
      } catch (cause) {
        failures.push(
          `${kernel.name}, ${dimensionsOf(kernel, shape)}: ${cause instanceof Error ? cause.message : cause}`,
        )
        progress(`FAILED ${failures.at(-1)}`)
        device.check()
      }
  const replay = await measureReplay(device)
  const ridgeApart = ridgeSolve.name.includes(filter) ? await measureRidgeApart(device) : undefined
  // A subset is for looking at kernels.
  publish('kernels', provenance(device), report(figures, roofline, replay, ridgeApart), {
    ...{ roofline, replay, ridgeApart, failures, figures },
  })
  device.destroy()
  if (failures.length > 0) throw new Error(`${failures.length} could not be measured:\n${failures.join('\n')}`)
})
