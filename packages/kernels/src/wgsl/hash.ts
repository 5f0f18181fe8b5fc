/** PCG output function of one 32-bit state (Jarzynski & Olano 2020): a counter-based random number per element. */
export const hashWgsl = /* wgsl */ `
fn hash(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
`
