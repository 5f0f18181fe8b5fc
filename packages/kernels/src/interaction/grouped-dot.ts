/**
 * Grouped dot products between two rows of G groups of W4 vec4, DLRM's interaction cut into pieces:
 * z[r, out + g] = Σ over group g of z[r, in + i] · v[r, i]. Input and output are columns of one tensor z.
 * `zIn` (vec4) and `zOut` (floats, multiple of 4) are columns; strides count vec4.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { padded, uniform } from '../case-arrays.ts'

export type GroupedDotShape = {
  R: number
  G: number
  W4: number
  zIn: number
  zOut: number
  zRow: number
  vRow: number
}

const uniforms = { R: 'u32', G: 'u32', W4: 'u32', zIn: 'u32', zOut: 'u32', zRow: 'u32', vRow: 'u32' } as const

const cases: readonly GroupedDotShape[] = [
  { R: 1, G: 1, W4: 1, zIn: 0, zOut: 4, zRow: 2, vRow: 1 },
  { R: 67, G: 8, W4: 6, zIn: 0, zOut: 192, zRow: 50, vRow: 48 },
  { R: 13, G: 5, W4: 3, zIn: 2, zOut: 68, zRow: 20, vRow: 17 },
]

export const groupedDotForward: Kernel<GroupedDotShape, 'v' | 'z', Tuning> = {
  name: 'grouped-dot.forward',
  bindings: { v: { type: 'vec4f', access: 'read' }, z: { type: 'vec4f', access: 'read_write' } },
  uniforms,
  tunings: [{ name: 'lane-per-four-groups' }],
  wgsl: () => /* wgsl */ `
fn product(r: u32, g: u32) -> f32 {
  if (g >= u.G) { return 0.0; }
  var sum = vec4f();
  for (var i = g * u.W4; i < (g + 1u) * u.W4; i++) { sum += z[r * u.zRow + u.zIn + i] * v[r * u.vRow + i]; }
  return dot(sum, vec4f(1.0));
}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let quads = (u.G + 3u) / 4u;
  let r = id.x / quads;
  if (r >= u.R) { return; }
  let g = (id.x % quads) * 4u;
  z[r * u.zRow + (u.zOut + g) / 4u] = vec4f(product(r, g), product(r, g + 1u), product(r, g + 2u), product(r, g + 3u));
}`,
  workgroups: ({ R, G }) => [Math.ceil((R * Math.ceil(G / 4)) / 64), 1, 1],
  reference: (s, { v, z }) => {
    for (let r = 0; r < s.R; r++)
      for (let g = 0; g < padded(s.G); g++) {
        let sum = 0
        if (g < s.G)
          for (let i = g * s.W4 * 4; i < (g + 1) * s.W4 * 4; i++)
            sum += z[(r * s.zRow + s.zIn) * 4 + i]! * v[r * s.vRow * 4 + i]!
        z[r * s.zRow * 4 + s.zOut + g] = sum
      }
  },
  cost: ({ R, G, W4 }) => ({ flops: R * G * W4 * 8, bytes: R * G * (W4 * 32 + 4) }),
  tolerance: ({ W4 }) => ({ absolute: 1e-6 * W4 * 4, relative: 1e-5 }),
  cases,
  example: (s, random) => ({
    v: uniform(s.R * s.vRow * 4, random),
    z: uniform(s.R * s.zRow * 4, random),
  }),
}

/** dz[r, in + i] += dz[r, out + g] · v[r, i] and dv[r, i] = dz[r, out + g] · z[r, in + i]. */
export const groupedDotBackward: Kernel<GroupedDotShape, 'v' | 'z' | 'dz' | 'dv', Tuning> = {
  name: 'grouped-dot.backward',
  bindings: {
    v: { type: 'vec4f', access: 'read' },
    z: { type: 'vec4f', access: 'read' },
    dz: { type: 'vec4f', access: 'read_write' },
    dv: { type: 'vec4f', access: 'read_write' },
  },
  uniforms,
  tunings: [{ name: 'lane-per-vec4' }],
  wgsl: () => /* wgsl */ `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let width = u.G * u.W4;
  let r = id.x / width;
  if (r >= u.R) { return; }
  let i = id.x % width;
  let out = u.zOut + i / u.W4;
  let gradient = dz[r * u.zRow + out / 4u][out % 4u];
  let place = r * u.zRow + u.zIn + i;
  dz[place] += gradient * v[r * u.vRow + i];
  dv[r * u.vRow + i] = gradient * z[place];
}`,
  workgroups: ({ R, G, W4 }) => [Math.ceil((R * G * W4) / 64), 1, 1],
  reference: (s, { v, z, dz, dv }) => {
    for (let r = 0; r < s.R; r++)
      for (let g = 0; g < s.G; g++) {
        const gradient = dz[r * s.zRow * 4 + s.zOut + g]!
        for (let i = g * s.W4 * 4; i < (g + 1) * s.W4 * 4; i++) {
          dz[(r * s.zRow + s.zIn) * 4 + i] = dz[(r * s.zRow + s.zIn) * 4 + i]! + gradient * v[r * s.vRow * 4 + i]!
          dv[r * s.vRow * 4 + i] = gradient * z[(r * s.zRow + s.zIn) * 4 + i]!
        }
      }
  },
  cost: ({ R, G, W4 }) => ({ flops: R * G * W4 * 12, bytes: R * G * W4 * 84 }),
  tolerance: () => ({ absolute: 1e-6, relative: 1e-5 }),
  cases,
  example: (s, random) => ({
    v: uniform(s.R * s.vRow * 4, random),
    z: uniform(s.R * s.zRow * 4, random),
    dz: uniform(s.R * s.zRow * 4, random),
    dv: uniform(s.R * s.vRow * 4, random),
  }),
}
