/** What an adapter can do at most, measured by two kernels that do nothing else: FMA in registers, and a copy. */
import { type AnyKernel, type GpuDevice, type Kernel, prepareDispatch, type Shape, type Tuning } from '@headwater/gpu'
import { RepeatedRuns } from './repeated-runs.ts'
import { digits, spread } from './report.ts'

/** G invocations with some vec4 sums each; `steps` rounds of x ← x · a + b. */
type FmaShape = { G: number; steps: number }

/**
 * @param sums enough to hide the latency of an FMA, few enough for the registers.
 * @param unrolled updates of a sum in one round of the loop.
 */
function fma(sums: number, unrolled: number): Kernel<FmaShape, 'y', Tuning> {
  const names = Array.from({ length: sums }, (_, i) => `x${i}`)
  const updates = Array.from({ length: unrolled }, () => names.map((x) => `${x} = ${x} * a + b;`).join(' '))
  return {
    name: `roofline.fma-${sums}-${unrolled}`,
    bindings: { y: { type: 'vec4f', access: 'read_write' } },
    uniforms: { G: 'size', steps: 'size' },
    tunings: [{ name: 'only' }],
    wgsl: () => /* wgsl */ `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= u.G) { return; }
  let a = 0.5 + f32(id.x) * 1e-7;
  let b = f32(u.steps);
  ${names.map((x, i) => `var ${x} = vec4f(${i}.0);`).join(' ')}
  for (var step = 0u; step < u.steps; step++) {
    ${updates.join('\n    ')}
  }
  y[id.x] = ${names.join(' + ')};
}`,
    workgroups: ({ G }) => [Math.ceil(G / 64), 1, 1],
    sizes: ({ G }) => ({ y: G }),
    reference: (s, { y }) => {
      for (let g = 0; g < s.G; g++) {
        let sum = 0
        for (let i = 0; i < sums; i++) {
          let x = i
          for (let update = 0; update < s.steps * unrolled; update++) x = x * (0.5 + g * 1e-7) + s.steps
          sum += x
        }
        y.fill(sum, g * 4, g * 4 + 4)
      }
    },
    cost: ({ G, steps }) => ({ flops: G * steps * sums * unrolled * 8, bytes: G * 16 }),
    tolerance: () => ({ absolute: 0, relative: 1e-5 }),
    cases: [{ G: 67, steps: 3 }],
    draw: (between) => ({ G: between(1, 200), steps: between(1, 9) }),
    // Long loops for processors, many invocations for GPUs.
    benchmarks: [
      { G: 2 ** 13, steps: 256 },
      { G: 2 ** 20, steps: 8 },
    ],
    example: ({ G }) => ({ y: new Float32Array(G * 4) }),
  }
}

type CopyShape = { count4: number }

/**
 * @param lanes of a workgroup.
 * @param each vec4 that an invocation copies, a workgroup's width apart.
 */
function copy(lanes: number, each: number): Kernel<CopyShape, 'x' | 'y', Tuning> {
  const group = lanes * each
  return {
    name: `roofline.copy-${lanes}x${each}`,
    bindings: { x: { type: 'vec4f', access: 'read' }, y: { type: 'vec4f', access: 'read_write' } },
    uniforms: { count4: 'size' },
    tunings: [{ name: 'only' }],
    wgsl: () => /* wgsl */ `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let start = group.x * ${group}u;
  let end = min(u.count4, start + ${group}u);
  for (var i = start + local; i < end; i += ${lanes}u) { y[i] = x[i]; }
}`,
    workgroups: ({ count4 }) => [Math.ceil(count4 / group), 1, 1],
    sizes: ({ count4 }) => ({ x: count4, y: count4 }),
    reference: (_, { x, y }) => y.set(x),
    cost: ({ count4 }) => ({ flops: 0, bytes: count4 * 32 }),
    tolerance: () => ({ absolute: 0, relative: 0 }),
    cases: [{ count4: 257 }],
    draw: (between) => ({ count4: between(1, 600) }),
    // Within caches and beyond them: the shapes of towers are of both kinds.
    benchmarks: [{ count4: 2 ** 15 }, { count4: 2 ** 17 }, { count4: 2 ** 21 }],
    example: ({ count4 }, random) => ({
      x: Float32Array.from({ length: count4 * 4 }, random),
      y: new Float32Array(count4 * 4),
    }),
  }
}

export interface Roofline {
  readonly gflops: number
  /** The fastest of the sizes copied, read and written bytes together. */
  readonly gbps: number
}

const rounds = 7
const submitMs = 20

async function fastest(device: GpuDevice, kernel: AnyKernel, rate: (shape: Shape, ms: number) => number) {
  const rates: number[] = []
  for (const shape of kernel.benchmarks as readonly Shape[]) {
    const sizes = Object.entries<number>(kernel.sizes(shape))
    const buffers = Object.fromEntries(
      sizes.map(([name, size]) => [name, device.buffer(`${kernel.name} ${name}`, size * 16, GPUBufferUsage.STORAGE)]),
    )
    const dispatch = prepareDispatch(device, kernel, shape, buffers, kernel.tunings[0])
    const runs = await RepeatedRuns.make(device, [dispatch], submitMs)
    const timesMs: number[] = []
    for (let round = 0; round < rounds; round++) timesMs.push(await runs.timeMs())
    rates.push(rate(shape, spread(timesMs).median))
    runs.dispose()
    for (const buffer of Object.values(buffers)) device.release(buffer)
  }
  return Math.max(...rates)
}

export async function measureRoofline(device: GpuDevice): Promise<Roofline> {
  const gflops: number[] = []
  for (const kernel of [fma(2, 32), fma(3, 8), fma(4, 4), fma(8, 4)])
    gflops.push(await fastest(device, kernel, (shape, ms) => kernel.cost(shape as FmaShape).flops / ms / 1e6))
  const gbps: number[] = []
  for (const kernel of [copy(256, 1), copy(256, 16), copy(8, 64), copy(64, 64)])
    gbps.push(await fastest(device, kernel, (shape, ms) => kernel.cost(shape as CopyShape).bytes / ms / 1e6))
  return { gflops: Math.max(...gflops), gbps: Math.max(...gbps) }
}

export const rooflineText = ({ gflops, gbps }: Roofline) =>
  `roofline, measured in this run: ${digits(gflops)} GFLOP/s of FMA, ${digits(gbps)} GB/s of copying (read + written)`

/** Speed and share of the roofline of something that took so long. */
export function rates(cost: { readonly flops: number; readonly bytes: number }, ms: number, roofline: Roofline) {
  const [gflops, gbps] = [cost.flops / ms / 1e6, cost.bytes / ms / 1e6]
  return { gflops, gbps, roofline: Math.max(gflops / roofline.gflops, gbps / roofline.gbps) }
}
