import { type AnyKernel, type GpuDevice, requestDevice, resolveWgsl, type Shape, type Tuning } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, it } from 'vitest'
import { kernels } from '../index.ts'

/** The device of a test file: the browser's where the file runs in one, else Dawn's. */
export function useDevice(label: string): () => GpuDevice {
  let device: GpuDevice
  beforeAll(async () => {
    const { navigator } = globalThis as { navigator?: { gpu?: GPU } }
    device = await requestDevice({ label, ...(navigator?.gpu ? { gpu: navigator.gpu } : {}) })
  })
  afterAll(() => device.destroy())
  return () => device
}

declare module 'vitest' {
  interface TaskMeta {
    /** What a test ran on which adapter; tools/kernel-report.mjs counts them. */
    kernelRun?: KernelRun
  }
}

interface KernelRun {
  readonly kernel: string
  readonly tuning: string
  readonly adapter: string
  readonly outcome: 'ran' | 'not applicable' | 'too large'
}

const { process } = globalThis as { process?: { env: Record<string, string | undefined> } }
/** `npm test`, which leaves what takes minutes on a software adapter to `npx nx test kernels`. */
export const isShort = process?.env.HEADWATER_SHORT_TESTS !== undefined

/**
 * Software adapters switch stacks, or save registers, at every barrier, so that a grid of millions of invocations that meet
 * at some takes seconds, in SwiftShader minutes. What such a case is there for, the folding of the grid, others show as
 * well: SwiftShader never runs it, and `npm test` leaves it to `npx nx test kernels`.
 */
function isTooLarge(device: GpuDevice, kernel: AnyKernel, tuning: Tuning, shape: Shape): boolean {
  const most = device.adapter.architecture === 'swiftshader' ? 8e6 : isShort ? 4e6 : Number.POSITIVE_INFINITY
  if (most === Number.POSITIVE_INFINITY) return false
  const wgsl = resolveWgsl(kernel, tuning)
  const size = /@workgroup_size\(([^)]+)\)/.exec(wgsl)?.[1].split(',').map(Number) ?? []
  const invocations = [...kernel.workgroups(shape, tuning), ...size].reduce((product, n) => product * n, 1)
  return wgsl.includes('workgroupBarrier') && invocations > most
}

/** A test of one kernel in one tuning. Where the adapter cannot run it, or not on this shape, that is listed. */
export function itRuns(
  device: () => GpuDevice,
  title: string,
  kernel: AnyKernel,
  tuning: Tuning,
  body: () => Promise<void>,
  shape?: Shape,
): void {
  it(title, async ({ task }) => {
    const applicable = device().supports(tuning)
    const tooLarge = shape !== undefined && isTooLarge(device(), kernel, tuning, shape)
    task.meta.kernelRun = {
      kernel: kernel.name,
      tuning: tuning.name,
      adapter: device().report.adapterClass,
      outcome: !applicable ? 'not applicable' : tooLarge ? 'too large' : 'ran',
    }
    if (applicable && !tooLarge) await body()
  })
}

/** Every kernel with every tuning. */
export const everyTuning = kernels.flatMap((kernel) =>
  (kernel.tunings as readonly Tuning[]).map((tuning) => ({
    kernel,
    tuning,
    name: `${kernel.name}, ${tuning.name}`,
    cases: (kernel.cases as readonly Shape[]).filter((shape) => tuning.fits?.(shape) ?? true),
  })),
)

/** A source for {@link Kernel.example}. */
export function randomOf(seed: number): () => number {
  const random = seededRandom(seed)
  return () => random.nextFloat()
}
