/**
 * Rows of f32 to int8 with a scale per row: scale = max |x| / 127, q = x / scale rounded to nearest, ties to even, so
 * that x ≈ q · scale with an error of at most scale / 2. Four values lie in a u32, the first in the low bits; a row of
 * `q` is padded with zeros to 16 values (one vec4u).
 * A row of values below 2⁻¹²⁰ counts as zero: scale 0. A row with NaN or infinity gets scale NaN and zeros, so that it
 * shows in every product. Shape letters: R rows, K columns. `xOffset`, `xRow` count vec4, `qOffset`, `qRow` vec4u,
 * `scaleOffset` floats. What pads a row of x does not matter.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { integers, padded, uniform } from '../case-arrays.ts'
import { linearGroups, linearGroupWgsl } from '../wgsl/linear-grid.ts'

export type QuantizeRowsShape = {
  R: number
  K: number
  xOffset: number
  xRow: number
  qOffset: number
  qRow: number
  scaleOffset: number
}

export interface QuantizeRowsTuning extends Tuning {
  readonly way: 'invocation' | 'subgroup'
}

/** Invocations of a workgroup. */
const size = 32
/** Rows of a workgroup where a subgroup takes one row at a time. */
const rowsPerGroup = 4

export const quantizeRowsShape = (R: number, K: number, extra: Partial<QuantizeRowsShape> = {}): QuantizeRowsShape => ({
  R,
  K,
  xOffset: 0,
  xRow: padded(K) / 4,
  qOffset: 0,
  qRow: Math.ceil(K / 16),
  scaleOffset: 0,
  ...extra,
})

/** Largest |x| of a row, as bits: those of NaN are above those of infinity, and those above every number's. */
const largestWgsl = (start: string, step: string) => /* wgsl */ `
  var largest = vec4u();
  for (var i = ${start}; i < (u.K + 3u) / 4u; i += ${step}) { largest = max(largest, magnitudes(first, i)); }
  var top = max(max(largest.x, largest.y), max(largest.z, largest.w));
`

const storeWgsl = (start: string, step: string) => /* wgsl */ `
  let finite = top < 0x7f800000u;
  let counts = finite && top >= 0x03800000u;
  let inverse = select(0.0, 127.0 * (1.0 / bitcast<f32>(top)), counts);
  for (var i = ${start}; i < (u.K + 15u) / 16u; i += ${step}) {
    q[u.qOffset + row * u.qRow + i] = vec4u(
      bytes(first, i * 4u, inverse), bytes(first, i * 4u + 1u, inverse),
      bytes(first, i * 4u + 2u, inverse), bytes(first, i * 4u + 3u, inverse));
  }
  // Not a constant, which may not be NaN.
  let nan = bitcast<f32>(0x7fc00000u | (u.R & 1u));
  let size = select(nan, select(0.0, bitcast<f32>(top) * ${1 / 127}, counts), finite);
  if (${start} == 0u) { scale[u.scaleOffset + row] = size; }
`

export const quantizeRows: Kernel<QuantizeRowsShape, 'x' | 'q' | 'scale', QuantizeRowsTuning> = {
  name: 'matmul.quantize-rows',
  bindings: {
    x: { type: 'vec4f', access: 'read' },
    q: { type: 'vec4u', access: 'read_write' },
    scale: { type: 'f32', access: 'read_write' },
  },
  uniforms: { R: 'size', K: 'size', xOffset: 'u32', xRow: 'u32', qOffset: 'u32', qRow: 'u32', scaleOffset: 'u32' },
  tunings: [
    { name: 'invocation-per-row', way: 'invocation' },
    { name: 'subgroup-per-row', way: 'subgroup', needs: { features: ['subgroups'] } },
  ],
  wgsl: ({ way }) => {
    const lanes = way === 'subgroup'
    const [start, step] = lanes ? ['lane', 'lanes'] : ['0u', '1u']
    return /* wgsl */ `
${linearGroupWgsl}
fn magnitudes(first: u32, i: u32) -> vec4u {
  let bits = bitcast<vec4u>(x[first + i]) & vec4u(0x7fffffffu);
  return select(vec4u(), bits, vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.K));
}
fn bytes(first: u32, i: u32, inverse: f32) -> u32 {
  let value = x[first + min(i, (u.K - 1u) / 4u)] * inverse;
  let inside = (vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.K)) & vec4<bool>(inverse > 0.0);
  // In 1.5 · 2²³ + q the last bits are those of q, rounded as a sum of floats is: to nearest, ties to even.
  let bits = select(vec4u(), bitcast<vec4u>(value + 12582912.0) & vec4u(255u), inside);
  return bits.x | (bits.y << 8u) | (bits.z << 16u) | (bits.w << 24u);
}
@compute @workgroup_size(${size})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
  ${lanes ? '@builtin(subgroup_size) subgroupSize: u32,' : ''}
) {
  ${
    lanes
      ? `let lanes = min(subgroupSize, ${size}u);
  let lane = local % lanes;
  for (var turn = 0u; turn < ${rowsPerGroup}u; turn += ${size}u / lanes) {
    let index = linearGroup(group, groups) * ${rowsPerGroup}u + turn + local / lanes;`
      : `{
    let index = linearGroup(group, groups) * ${size}u + local;`
  }
    let row = min(index, u.R - 1u);
    let first = u.xOffset + row * u.xRow;
    ${largestWgsl(start, step)}
    ${lanes ? 'top = subgroupMax(top);' : ''}
    if (index < u.R${lanes ? ` && turn + local / lanes < ${rowsPerGroup}u` : ''}) {
      ${storeWgsl(start, step)}
    }
  }
}`
  },
  workgroups: ({ R }, { way }) => linearGroups(Math.ceil(R / (way === 'subgroup' ? rowsPerGroup : size))),
  sizes: (s) => ({
    x: s.xOffset + (s.R - 1) * s.xRow + padded(s.K) / 4,
    q: s.qOffset + (s.R - 1) * s.qRow + Math.ceil(s.K / 16),
    scale: s.scaleOffset + s.R,
  }),
  reference: (s, { x, q, scale }) => {
    for (let r = 0; r < s.R; r++) {
      const row = Array.from({ length: s.K }, (_, k) => x[(s.xOffset + r * s.xRow) * 4 + k]!)
      const top = Math.max(...row.map(Math.abs))
      const finite = row.every(Number.isFinite)
      const counts = finite && top >= 2 ** -120
      scale[s.scaleOffset + r] = finite ? (counts ? top / 127 : 0) : Number.NaN
      // Where a value rounds to is decided in f32: by the rounded inverse, as it is in the kernel.
      const inverse = Math.fround(127 * Math.fround(1 / top))
      for (let word = 0; word < Math.ceil(s.K / 16) * 4; word++) {
        const values = [0, 1, 2, 3].map((i) => {
          const value = counts && word * 4 + i < s.K ? Math.fround(row[word * 4 + i]! * inverse) : 0
          const low = Math.floor(value)
          const rest = value - low
          return rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low
        })
        const at = (s.qOffset + r * s.qRow) * 4 + word
        q[at] = new Uint32Array(Int8Array.from(values).buffer)[0]!
      }
    }
  },
  cost: ({ R, K }) => ({ flops: 3 * R * K, bytes: 5 * R * K + 4 * R }),
  tolerance: () => ({ absolute: 0, relative: 1e-6 }),
  cases: [
    quantizeRowsShape(1, 1),
    quantizeRowsShape(37, 33, { xOffset: 2, xRow: 11, qOffset: 3, qRow: 4, scaleOffset: 5 }),
    quantizeRowsShape(64, 192),
    quantizeRowsShape(300, 100),
    // more rows than one dimension of the grid may count
    quantizeRowsShape(265_000, 1),
  ],
  draw: (between) => {
    const [R, K] = [between(1, 80), between(1, 150)]
    return quantizeRowsShape(R, K, {
      xOffset: between(0, 3),
      xRow: padded(K) / 4 + between(0, 2),
      qOffset: between(0, 3),
      qRow: Math.ceil(K / 16) + between(0, 2),
      scaleOffset: between(0, 3),
    })
  },
  benchmarks: [quantizeRowsShape(2048, 192), quantizeRowsShape(8192, 96)],
  example: (s, random) => {
    const x = uniform((s.xOffset + (s.R - 1) * s.xRow + padded(s.K) / 4) * 4, random)
    // a zero row, and ties: multiples of half a step
    if (s.R > 3) {
      x.fill(0, (s.xOffset + s.xRow) * 4, (s.xOffset + s.xRow) * 4 + s.K)
      for (let k = 0; k < s.K; k++) x[(s.xOffset + 2 * s.xRow) * 4 + k] = k === 0 ? 127 : Math.floor(random() * 254) / 2
    }
    return {
      x,
      q: integers((s.qOffset + (s.R - 1) * s.qRow + Math.ceil(s.K / 16)) * 4, 2 ** 32, random),
      scale: uniform(s.scaleOffset + s.R, random),
    }
  },
}
