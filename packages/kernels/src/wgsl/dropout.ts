/**
 * Inverted dropout behind an activation: an element is dropped with probability `dropout`, the others are divided by
 * 1 − dropout. Who is dropped follows from the step's number, the `site` and the element's index, as in the epilogue of
 * a matmul whose output has no gaps; so a backward pass draws the same again and nothing is stored.
 */

/**
 * `dropped(value, i)` for vec4 number i; reads the binding `step` and the uniforms `dropout` and `site`. `hash` is the output
 * function of PCG for one 32-bit state (Jarzynski & Olano 2020).
 */
export const dropoutWgsl = /* wgsl */ `
fn hash(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
fn dropped(value: vec4f, i: u32) -> vec4f {
  if (u.dropout == 0.0) { return value; }
  let first = hash(hash(step[0]) ^ u.site) + i * 4u;
  let bits = vec4u(hash(first), hash(first + 1u), hash(first + 2u), hash(first + 3u));
  let random = vec4f(bits >> vec4u(8u)) / 16777216.0;
  return select(vec4f(), value / (1.0 - u.dropout), random >= vec4f(u.dropout));
}
`

/** PCG, by imul. */
function pcg(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) >>> 0
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0
  return ((word >>> 22) ^ word) >>> 0
}

/** What element number `index` is multiplied by: 0 or 1 / (1 − dropout). */
export function keptReference(step: number, site: number, dropout: number, index: number): number {
  if (dropout === 0) return 1
  const random = (pcg(pcg((pcg(step) ^ site) >>> 0) + index) >>> 8) / 2 ** 24
  return random >= Math.fround(dropout) ? 1 / (1 - dropout) : 0
}
