/**
 * The float64 references prove the kernels; here central differences of the forward references prove the backward ones.
 * For a loss f = Σ c · outputs and a random direction d, (f(x + hd) − f(x − hd)) / 2h must be the gradient's product with d.
 */
import type { AnyKernel, Gradient, ReferenceArrays, Shape } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { describe, expect, it } from 'vitest'
import { exampleArrays } from './examples/example.ts'
import { kernels } from './index.ts'
import { outputsOf, widen } from './testing/run-kernel.ts'

const h = 1e-5

function product(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

const copy = (arrays: ReferenceArrays): ReferenceArrays =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.slice()]))

function expectGradient(backward: AnyKernel, shape: Shape, seed: number): void {
  const { forward, from, to, shape: shapeOf } = backward.gradient as Gradient
  const forwardShape = shapeOf?.(shape) ?? shape
  const random = seededRandom(seed)
  const draw = () => random.nextFloat()
  const given = widen(exampleArrays(backward, shape, draw))
  const inputs = widen(exampleArrays(forward, forwardShape, draw))
  for (const name of Object.keys(inputs)) if (given[name]) inputs[name] = given[name].slice()

  const run = (changed: ReferenceArrays) => {
    const arrays = copy({ ...inputs, ...changed })
    forward.reference(forwardShape, arrays)
    return arrays
  }
  // What the forward saved, the backward reads.
  const saved = run({})
  for (const [name, { access }] of Object.entries<{ access: string }>(backward.bindings))
    if (access === 'read' && saved[name]) given[name] = saved[name].slice()
  const take = (what: string | ((s: Shape, a: ReferenceArrays) => ArrayLike<number>)) =>
    typeof what === 'string' ? given[what].slice() : what(shape, given)
  const upstream = Object.entries(from).map(([output, what]) => ({ output, gradient: take(what) }))
  const loss = (changed: ReferenceArrays) => {
    const outputs = run(changed)
    return upstream.reduce((sum, { output, gradient }) => sum + product(outputs[output], gradient), 0)
  }
  for (const name of outputsOf(backward)) if (!Object.values(from).includes(name)) given[name].fill(0)
  backward.reference(shape, given)
  const gradients = Object.entries(to).map(([input, what]) => ({ input, gradient: take(what) }))
  for (const { input, gradient } of gradients) expect(gradient.length, input).toBe(inputs[input].length)

  for (let trial = 0; trial < 3; trial++) {
    const directions = gradients.map(({ input }) =>
      Float64Array.from({ length: inputs[input].length }, () => random.nextNormal()),
    )
    const at = (step: number) =>
      loss(
        Object.fromEntries(
          gradients.map(({ input }, i) => [
            input,
            Float64Array.from(inputs[input], (x, at) => x + step * directions[i][at]),
          ]),
        ),
      )
    const numeric = (at(h) - at(-h)) / (2 * h)
    const analytic = gradients.reduce((sum, { gradient }, i) => sum + product(gradient, directions[i]), 0)
    expect(Math.abs(numeric - analytic)).toBeLessThan(1e-6 * (1 + Math.abs(numeric)))
  }
}

/** Work for which central differences over a naive reference stay quick. */
const maxFlops = 5e6

describe('backward references are the gradients of the forward ones', () => {
  for (const kernel of kernels)
    if (kernel.gradient)
      for (const [index, shape] of (kernel.cases as readonly Shape[]).entries())
        if (kernel.cost(shape).flops <= maxFlops)
          it(`${kernel.name} ${JSON.stringify(shape)}`, () => expectGradient(kernel, shape, 1 + index))
})
