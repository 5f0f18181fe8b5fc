/**
 * Every kernel and tuning on its largest case, and the tunings of matmul against each other at 512³. Each is repeated
 * within one submit until that takes a few milliseconds; the rounds go through all of them in turn.
 */
import {
  type AnyKernel,
  type GpuDevice,
  Program,
  prepareDispatch,
  requestDevice,
  type Shape,
  type Tuning,
} from '@headwater/gpu'
import { kernels, matmul } from '@headwater/kernels'
import { seededRandom } from '@headwater/statistics'
import { provenance, publish, spread, table } from './report.ts'

const rounds = 15
const submitMs = 8
const maxRepeats = 400

interface Entry {
  readonly label: string
  readonly kernel: AnyKernel
  readonly tuning: Tuning
  readonly shape: Shape
  readonly program: Program
  readonly repeats: number
  readonly firstMs: number
  readonly timesMs: number[]
}

async function timeMs(program: Program): Promise<number> {
  const startMs = performance.now()
  program.submit()
  await program.device.idle()
  return performance.now() - startMs
}

/** Uploads a case and finds how often it fits a submit; the first run compiles its pipeline. */
async function prepare(
  device: GpuDevice,
  label: string,
  kernel: AnyKernel,
  tuning: Tuning,
  shape: Shape,
): Promise<Entry> {
  const random = seededRandom(1)
  const arrays = kernel.example(shape, () => random.nextFloat())
  const buffers = Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => {
      const buffer = device.buffer(name, array.byteLength, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST)
      device.gpuDevice.queue.writeBuffer(buffer, 0, array as Float32Array<ArrayBuffer>)
      return [name, buffer]
    }),
  )
  const dispatch = prepareDispatch(device, kernel, shape, buffers, tuning)
  const once = new Program(device, [dispatch], label)
  const firstMs = await timeMs(once)
  const onceMs = Math.min(await timeMs(once), await timeMs(once))
  once.dispose()
  const repeats = Math.max(1, Math.min(maxRepeats, Math.round(submitMs / onceMs)))
  const program = new Program(device, new Array(repeats).fill(dispatch), label)
  await timeMs(program)
  return { label, kernel, tuning, shape, program, repeats, firstMs, timesMs: [] }
}

function figuresOf({ label, kernel, tuning, shape, repeats, firstMs, timesMs }: Entry) {
  const { flops, bytes } = kernel.cost(shape)
  const time = spread(timesMs.map((ms) => (ms / repeats) * 1e3))
  return {
    label,
    kernel: kernel.name,
    tuning: tuning.name,
    shape,
    microseconds: time,
    gflops: flops / time.median / 1e3,
    gigabytesPerSecond: bytes / time.median / 1e3,
    firstMs,
  }
}

const device = await requestDevice({ label: 'kernel bench' })
const entries: Entry[] = []
for (const kernel of kernels) {
  const work = (shape: Shape) => kernel.cost(shape).flops + kernel.cost(shape).bytes
  const largest = (kernel.cases as readonly Shape[]).reduce((a, b) => (work(b) > work(a) ? b : a))
  for (const tuning of kernel.tunings as readonly Tuning[])
    if (device.supports(tuning.needs)) entries.push(await prepare(device, kernel.name, kernel, tuning, largest))
}
const cube = { ...matmul.cases[0], M: 512, N: 512, K: 512, aRow: 512, bRow: 128, cRow: 128 }
for (const tuning of matmul.tunings)
  if (device.supports(tuning.needs)) entries.push(await prepare(device, 'matmul 512³', matmul, tuning, cube))

for (let round = 0; round < rounds; round++)
  for (const entry of entries) entry.timesMs.push(await timeMs(entry.program))

const figures = entries.map(figuresOf)
const text = table([
  { title: 'kernel', cells: figures.map((f) => f.label) },
  { title: 'tuning', cells: figures.map((f) => f.tuning) },
  { title: 'µs', cells: figures.map((f) => f.microseconds.median.toFixed(1)) },
  {
    title: 'p10 – p90',
    cells: figures.map((f) => `${f.microseconds.p10.toFixed(1)} – ${f.microseconds.p90.toFixed(1)}`),
  },
  { title: 'GFLOP/s', cells: figures.map((f) => f.gflops.toFixed(2)) },
  { title: 'GB/s', cells: figures.map((f) => f.gigabytesPerSecond.toFixed(2)) },
  { title: 'first ms', cells: figures.map((f) => f.firstMs.toFixed(0)) },
])
publish('kernels', provenance(device), `${text}\n\nfirst ms: the first run, with the driver's compilation`, {
  rounds,
  kernels: figures,
})
device.destroy()
