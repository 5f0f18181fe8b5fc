/**
 * Activation functions, chosen by a code number in a uniform, so that one pipeline serves all of them.
 * GELU is the tanh form, ½ x (1 + tanh √(2/π) (x + 0.044715 x³)) = x σ(2 √(2/π) (x + 0.044715 x³)); SiLU is x σ(x).
 * NaN stays NaN; the infinities give the function's limits (GELU and SiLU of −∞ are 0).
 */

export const activations = { none: 0, relu: 1, gelu: 2, silu: 3, sigmoid: 4 } as const

export type Activation = keyof typeof activations

/** 2 √(2/π) and that times 0.044715. */
export const geluLinear = 1.5957691216057308
export const geluCubic = 0.07135481627260025

/** Below these the value is under 1e-36, and the formula would meet ∞ · 0. */
const geluZeroBelow = '-10.0'
const siluZeroBelow = '-100.0'

/** `activate(code, x)`. One exponential and one division serve all: adapters without branches would pay for each function's own. */
export const activationWgsl = /* wgsl */ `
fn activate(code: u32, x: vec4f) -> vec4f {
  if (code == ${activations.none}u) { return x; }
  if (code == ${activations.relu}u) { return select(x, vec4f(), x < vec4f()); }
  let isGelu = code == ${activations.gelu}u;
  let slope = select(vec4f(1.0), ${geluLinear} + ${geluCubic} * x * x, isGelu);
  let sigmoid = 1.0 / (1.0 + exp(-x * slope));
  if (code == ${activations.sigmoid}u) { return sigmoid; }
  return select(x * sigmoid, vec4f(), x < vec4f(select(${siluZeroBelow}, ${geluZeroBelow}, isGelu)));
}
`
