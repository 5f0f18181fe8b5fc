/** Derivatives of the activation functions; their codes and definitions are in wgsl/activation.ts. */
import { activations, geluCubic, geluLinear } from '../wgsl/activation.ts'

/**
 * `slope(code, x)`, f′(x) for vec4f. σ and σ′ are made from exp(−|w|), which cannot overflow. x is bounded where the
 * slope is 0 or 1 to the last bit, so that infinity gives the limit; NaN stays NaN, except that ReLU's slope there is 1.
 */
export const slopeWgsl = /* wgsl */ `
fn bounded(x: vec4f, limit: f32) -> vec4f {
  let below = select(x, vec4f(limit), x > vec4f(limit));
  return select(below, vec4f(-limit), below < vec4f(-limit));
}
fn slope(code: u32, x: vec4f) -> vec4f {
  if (code == ${activations.none}u) { return vec4f(1.0); }
  if (code == ${activations.relu}u) { return select(vec4f(1.0), vec4f(), x <= vec4f()); }
  let z = bounded(x, select(80.0, 10.0, code == ${activations.gelu}u));
  let isGelu = code == ${activations.gelu}u;
  let w = select(z, z * (${geluLinear} + ${geluCubic} * z * z), isGelu);
  let e = exp(-abs(w));
  let inverse = 1.0 / (1.0 + e);
  let steep = e * inverse * inverse;
  if (code == ${activations.sigmoid}u) { return steep; }
  let sigmoid = select(inverse, e * inverse, w < vec4f());
  let inner = select(vec4f(1.0), ${geluLinear} + ${3 * geluCubic} * z * z, isGelu);
  return sigmoid + z * steep * inner;
}
`

/** f′(x) in float64, by the textbook formulas. */
export function slopeReference(code: number, x: number): number {
  if (code === activations.none) return 1
  if (code === activations.relu) return x <= 0 ? 0 : 1
  if (code === activations.sigmoid) return 1 / (2 + Math.exp(x) + Math.exp(-x))
  if (Math.abs(x) === Number.POSITIVE_INFINITY) return x > 0 ? 1 : 0
  // both are x σ(w), and σ keeps its precision where 1 + tanh would cancel
  const [w, inner] =
    code === activations.gelu
      ? [Math.sqrt(8 / Math.PI) * (x + 0.044715 * x ** 3), Math.sqrt(8 / Math.PI) * (1 + 0.134145 * x ** 2)]
      : [x, 1]
  const sigmoid = 1 / (1 + Math.exp(-w))
  return sigmoid + x * sigmoid * (1 - sigmoid) * inner
}
