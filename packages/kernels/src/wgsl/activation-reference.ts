import { activations } from './activation.ts'

/** The activation of that code in float64, by its textbook formula. */
export function activateReference(code: number, x: number): number {
  switch (code) {
    case activations.relu:
      return Math.max(x, 0)
    case activations.gelu:
      return x === Number.NEGATIVE_INFINITY
        ? 0
        : 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    case activations.silu:
      return x === Number.NEGATIVE_INFINITY ? 0 : x / (1 + Math.exp(-x))
    case activations.sigmoid:
      return 1 / (1 + Math.exp(-x))
    default:
      return x
  }
}
