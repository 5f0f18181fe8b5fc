/**
 * Every kernel in every tuning that the adapter runs, on all its cases, against its float64 reference: what a new adapter has to
 * pass before any of its figures means something. `npm test` does the same by a test runner, with random shapes too.
 */
import { type AnyKernel, type GpuDevice, requestDevice, type Shape, type Tuning } from '@headwater/gpu'
import { exampleArrays, kernels } from '@headwater/kernels'
import { runKernel, worstValues } from '@headwater/kernels/testing/run-kernel'
import { seededRandom } from '@headwater/statistics'
import { matching, options, progress, provenance, publish, runBench } from './report.ts'

/** A case that came out otherwise than the reference, or not at all. */
interface Failure {
  readonly kernel: string
  readonly tuning: string
  readonly shape: Shape
  readonly problem: string
}

/** What this bench writes. */
export interface AgreementFigures {
  readonly cases: number
  /** Kernel and tuning, where the adapter lacks what the tuning needs. */
  readonly notApplicable: readonly string[]
  readonly failures: readonly Failure[]
}

/** @returns what is wrong; null where nothing is */
async function problemOf(device: GpuDevice, kernel: AnyKernel, tuning: Tuning, shape: Shape): Promise<string | null> {
  const random = seededRandom(1)
  const arrays = exampleArrays(kernel, shape, () => random.nextFloat())
  try {
    const got = await runKernel(device, kernel, tuning, shape, arrays)
    const wrong = worstValues(kernel, tuning, shape, arrays, got).find(({ error }) => !(error <= 1))
    return wrong === undefined ? null : `${wrong.output}[${wrong.index}] is ${wrong.got}, want ${wrong.want}`
  } catch (cause) {
    return String(cause)
  }
}

await runBench(async () => {
  const device = await requestDevice({ label: 'agreement' })
  const failures: Failure[] = []
  const notApplicable: string[] = []
  let cases = 0
  for (const kernel of matching(kernels, options().filter))
    for (const tuning of kernel.tunings as readonly Tuning[]) {
      const name = `${kernel.name}/${tuning.name}`
      if (!device.supports(tuning)) {
        notApplicable.push(name)
        continue
      }
      const before = failures.length
      const shapes = (kernel.cases as readonly Shape[]).filter((shape) => device.supports(tuning, shape))
      for (const shape of shapes) {
        const problem = await problemOf(device, kernel, tuning, shape)
        cases++
        if (problem !== null) failures.push({ kernel: kernel.name, tuning: tuning.name, shape, problem })
      }
      const wrong = failures.length - before
      progress(`${name}: ${shapes.length} cases, ${wrong === 0 ? 'all agree' : `${wrong} do NOT agree`}`)
    }
  const lines = failures.map(
    ({ kernel, tuning, shape, problem }) => `${kernel}/${tuning}, ${JSON.stringify(shape)}: ${problem}`,
  )
  const text = [
    `${cases} cases, ${cases - failures.length} agree with their float64 reference, ${failures.length} do not`,
    `tunings not applicable: ${notApplicable.length === 0 ? 'none' : notApplicable.join(', ')}`,
    ...lines,
  ].join('\n')
  const figures: AgreementFigures = { cases, notApplicable, failures }
  publish('agreement', provenance(device), text, figures)
  device.destroy()
  if (failures.length > 0) process.exitCode = 1
})
