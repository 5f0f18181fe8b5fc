/**
 * Grouped dot products between two rows of G groups of W4 vec4, DLRM's interaction cut into pieces:
 *   z[r, out + g] = Σ over group g of z[r, in + i] · v[r, i]
 * Input and output are columns of one tensor z, so that what follows reads both in one row. R rows; `zIn` (vec4) and
 * `zOut` (floats, a multiple of 4) are columns; strides count vec4. Outputs are padded with zeros to a multiple of 4.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { padded } from '../wgsl/padded.ts'
import type { ShapeOf } from '../wgsl/uniforms.ts'

const uniforms = { R: 'size', G: 'size', W4: 'size', zIn: 'u32', zOut: 'u32', zRow: 'u32', vRow: 'u32' } as const

export type GroupedDotShape = ShapeOf<typeof uniforms>

const lanes = 32

const cases: readonly GroupedDotShape[] = [
  { R: 1, G: 1, W4: 1, zIn: 0, zOut: 4, zRow: 2, vRow: 1 },
  { R: 67, G: 8, W4: 6, zIn: 0, zOut: 192, zRow: 50, vRow: 48 },
  { R: 13, G: 5, W4: 3, zIn: 2, zOut: 68, zRow: 20, vRow: 17 },
  { R: 33, G: 4, W4: 7, zIn: 3, zOut: 0, zRow: 32, vRow: 28 },
]

/** More than 65,535 workgroups; every row of v is the same one. */
const manyGroups = { R: 65_535 * lanes + 1, G: 1, W4: 1, zIn: 0, zOut: 4, zRow: 2, vRow: 0 }

/** vec4 of v: one row where all are the same. */
const vSize = ({ R, G, W4, vRow }: GroupedDotShape) => (vRow === 0 ? G * W4 : R * vRow)

const draw = (between: (low: number, high: number) => number): GroupedDotShape => {
  const G = between(1, 10)
  const W4 = between(1, 4)
  const outFirst = between(0, 1) === 1
  const zOut4 = outFirst ? between(0, 2) : 0
  const zIn = outFirst ? zOut4 + padded(G) / 4 + between(0, 2) : between(0, 3)
  const end = zIn + G * W4 + between(0, 2)
  return {
    R: between(1, 140),
    G,
    W4,
    zIn,
    zOut: (outFirst ? zOut4 : end) * 4,
    zRow: (outFirst ? end : end + padded(G) / 4) + between(0, 2),
    vRow: G * W4 + between(0, 3),
  }
}

const benchmarks: readonly GroupedDotShape[] = [
  { R: 2048, G: 8, W4: 6, zIn: 0, zOut: 192, zRow: 50, vRow: 48 },
  { R: 2048, G: 16, W4: 2, zIn: 0, zOut: 128, zRow: 36, vRow: 32 },
]

export const groupedDotForward: Kernel<GroupedDotShape, 'v' | 'z', Tuning> = {
  name: 'interaction.grouped-dot.forward',
  bindings: { ...reads('vec4f', 'v'), ...writes('vec4f', 'z') },
  uniforms,
  tunings: [{ name: 'lane-per-four-groups' }],
  wgsl: () => /* wgsl */ `
fn product(r: u32, g: u32) -> f32 {
  if (g >= u.G) { return 0.0; }
  let left = r * u.zRow + u.zIn + g * u.W4;
  let right = r * u.vRow + g * u.W4;
  let W4 = u.W4;
  var sum = vec4f();
  for (var i = 0u; i < W4; i++) { sum += z[left + i] * v[right + i]; }
  return dot(sum, vec4f(1.0));
}
${mainWgsl(lanes)}
  let n = group * ${lanes}u + lane;
  let quads = (u.G + 3u) / 4u;
  let r = n / quads;
  if (r >= u.R) { return; }
  let g = (n % quads) * 4u;
  z[r * u.zRow + u.zOut / 4u + g / 4u] = vec4f(product(r, g), product(r, g + 1u), product(r, g + 2u), product(r, g + 3u));
}`,
  workgroups: ({ R, G }) => linearGroups(Math.ceil((R * Math.ceil(G / 4)) / lanes)),
  sizes: (s) => ({ v: vSize(s), z: s.R * s.zRow }),
  reference: (s, { v, z }) => {
    for (let r = 0; r < s.R; r++)
      for (let g = 0; g < padded(s.G); g++) {
        let sum = 0
        if (g < s.G)
          for (let i = g * s.W4 * 4; i < (g + 1) * s.W4 * 4; i++)
            sum += z[(r * s.zRow + s.zIn) * 4 + i] * v[r * s.vRow * 4 + i]
        z[r * s.zRow * 4 + s.zOut + g] = sum
      }
  },
  cost: ({ R, G, W4 }) => ({ flops: R * G * W4 * 8, bytes: R * (G * W4 * 32 + padded(G) * 4) }),
  tolerance: ({ W4 }) => ({ absolute: 3e-7 * W4, relative: 2e-6 }),
  cases: [...cases, manyGroups],
  draw,
  benchmarks,
}

/** The outputs of z hold the groups' gradients and are no input of the forward: theirs is 0. */
const withoutOutputs = (s: GroupedDotShape, dz: ArrayLike<number>): number[] =>
  Array.from(dz, (value, i) => {
    const column = i % (s.zRow * 4)
    return column >= s.zOut && column < s.zOut + padded(s.G) ? 0 : value
  })

/** dz[r, in + i] += dz[r, out + g] · v[r, i] and dv[r, i] = dz[r, out + g] · z[r, in + i]. */
export const groupedDotBackward: Kernel<GroupedDotShape, 'v' | 'z' | 'dz' | 'dv', Tuning> = {
  name: 'interaction.grouped-dot.backward',
  bindings: { ...reads('vec4f', 'v', 'z'), ...writes('vec4f', 'dz', 'dv') },
  uniforms,
  tunings: [{ name: 'lane-per-vec4' }, { name: 'lane-per-group' }],
  wgsl: ({ name }) =>
    name === 'lane-per-vec4'
      ? /* wgsl */ `
${mainWgsl(lanes)}
  let n = group * ${lanes}u + lane;
  let width = u.G * u.W4;
  let r = n / width;
  if (r >= u.R) { return; }
  let i = n % width;
  let out = u.zOut + i / u.W4;
  let gradient = dz[r * u.zRow + out / 4u][out % 4u];
  let place = r * u.zRow + u.zIn + i;
  dz[place] += gradient * v[r * u.vRow + i];
  dv[r * u.vRow + i] = gradient * z[place];
}`
      : /* wgsl */ `
${mainWgsl(lanes)}
  let n = group * ${lanes}u + lane;
  let r = n / u.G;
  if (r >= u.R) { return; }
  let g = n % u.G;
  let out = u.zOut + g;
  let gradient = dz[r * u.zRow + out / 4u][out % 4u];
  let W4 = u.W4;
  let left = r * u.zRow + u.zIn + g * W4;
  let right = r * u.vRow + g * W4;
  for (var i = 0u; i < W4; i++) {
    dz[left + i] += gradient * v[right + i];
    dv[right + i] = gradient * z[left + i];
  }
}`,
  workgroups: ({ R, G, W4 }, { name }) =>
    linearGroups(Math.ceil((R * G * (name === 'lane-per-vec4' ? W4 : 1)) / lanes)),
  sizes: ({ R, zRow, vRow }) => ({ v: R * vRow, z: R * zRow, dz: R * zRow, dv: R * vRow }),
  reference: (s, { v, z, dz, dv }) => {
    for (let r = 0; r < s.R; r++)
      for (let g = 0; g < s.G; g++) {
        const gradient = dz[r * s.zRow * 4 + s.zOut + g]
        for (let i = g * s.W4 * 4; i < (g + 1) * s.W4 * 4; i++) {
          dz[(r * s.zRow + s.zIn) * 4 + i] += gradient * v[r * s.vRow * 4 + i]
          dv[r * s.vRow * 4 + i] = gradient * z[(r * s.zRow + s.zIn) * 4 + i]
        }
      }
  },
  cost: ({ R, G, W4 }) => ({ flops: R * G * W4 * 12, bytes: R * G * (W4 * 80 + 4) }),
  tolerance: () => ({ absolute: 5e-7, relative: 2e-6 }),
  cases,
  draw,
  benchmarks,
  gradient: { forward: groupedDotForward, from: { z: 'dz' }, to: { z: (s, { dz }) => withoutOutputs(s, dz), v: 'dv' } },
}
