/**
 * What ridge coefficients m of a row say of one more vector q, and its backward: of head h, y[r, h] = m_h·q and, in a second vec4,
 * y[r, 4 + h] = the intercept of m_h; zeros where there are fewer than four heads. The backward adds to the gradient of m, and to that
 * of q where `accumulate` is 1, which it assigns else.
 * Shape letters: R rows, H heads (at most 4), D4 vec4 of q. Offsets and rows count vec4.
 */
import type { Kernel, ReferenceArrays } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'

const uniforms = { ...all('size', 'R', 'H', 'D4'), ...all('u32', 'mOffset', 'mRow', 'qOffset', 'qRow') } as const
const backwardUniforms = { ...uniforms, ...all('u32', 'dqOffset', 'dqRow', 'accumulate') } as const

export type RidgeScoreShape = ShapeOf<typeof uniforms>
export type RidgeScoreBackwardShape = ShapeOf<typeof backwardUniforms>

const lanes = 64
const bindings = reads('vec4f', 'm', 'q')

const sizesOf = ({ R, H, D4, mOffset, mRow, qOffset, qRow }: RidgeScoreShape) => ({
  m: mOffset + (R - 1) * mRow + H * (D4 + 1),
  q: qOffset + (R - 1) * qRow + D4,
})

const dense = (R: number, H: number, D4: number): RidgeScoreShape => ({
  ...{ R, H, D4, mOffset: 0, mRow: H * (D4 + 1), qOffset: 0, qRow: D4 },
})

const sizes: readonly RidgeScoreShape[] = [
  dense(1, 1, 1),
  { R: 71, H: 2, D4: 8, mOffset: 3, mRow: 30, qOffset: 1, qRow: 11 },
  dense(130, 4, 3),
]

/** Places of head h's coefficients, and of q, among the floats of row r. */
const places = (s: RidgeScoreShape, r: number, h: number) => ({
  m: (s.mOffset + r * s.mRow + h * (s.D4 + 1)) * 4,
  q: (s.qOffset + r * s.qRow) * 4,
})

const ofHead = /* wgsl */ `
fn ofHead(h: u32, x: f32) -> vec4f { return select(vec4f(), vec4f(x), vec4u(0u, 1u, 2u, 3u) == vec4u(h)); }
`

export const ridgeScore: Kernel<RidgeScoreShape, 'm' | 'q' | 'y'> = {
  name: 'ridge.score',
  bindings: { ...bindings, ...writes('vec4f', 'y') },
  uniforms,
  tunings: [{ name: 'lane-per-row' }],
  wgsl: () => /* wgsl */ `
${ofHead}
${mainWgsl(lanes)}
  let row = group * ${lanes}u + lane;
  if (row >= u.R) { return; }
  var along = vec4f();
  var intercepts = vec4f();
  for (var h = 0u; h < u.H; h++) {
    let begin = u.mOffset + row * u.mRow + h * (u.D4 + 1u);
    var sum = 0.0;
    for (var k = 0u; k < u.D4; k++) { sum += dot(m[begin + k], q[u.qOffset + row * u.qRow + k]); }
    along += ofHead(h, sum);
    intercepts += ofHead(h, m[begin + u.D4].x);
  }
  y[row * 2u] = along;
  y[row * 2u + 1u] = intercepts;
}`,
  workgroups: ({ R }) => linearGroups(Math.ceil(R / lanes)),
  sizes: (s) => ({ ...sizesOf(s), y: s.R * 2 }),
  reference: (s, { m, q, y }) => {
    y.fill(0)
    for (let r = 0; r < s.R; r++)
      for (let h = 0; h < s.H; h++) {
        const at = places(s, r, h)
        for (let d = 0; d < s.D4 * 4; d++) y[r * 8 + h]! += m[at.m + d]! * q[at.q + d]!
        y[r * 8 + 4 + h] = m[at.m + s.D4 * 4]!
      }
  },
  cost: ({ R, H, D4 }) => ({ flops: R * H * D4 * 8, bytes: R * 16 * (H * (D4 + 1) + D4 + 2) }),
  tolerance: () => ({ absolute: 1e-5, relative: 1e-5 }),
  cases: sizes,
  draw: (between) => withGaps(dense(between(1, 90), between(1, 4), between(1, 16)), between),
  benchmarks: [dense(2048, 2, 8)],
}

export const ridgeScoreBackward: Kernel<RidgeScoreBackwardShape, 'm' | 'q' | 'dy' | 'dm' | 'dq'> = {
  name: 'ridge.score-backward',
  bindings: { ...bindings, ...reads('vec4f', 'dy'), ...writes('vec4f', 'dm', 'dq') },
  uniforms: backwardUniforms,
  tunings: [{ name: 'lane-per-row' }],
  wgsl: () => /* wgsl */ `
${mainWgsl(lanes)}
  let row = group * ${lanes}u + lane;
  if (row >= u.R) { return; }
  let along = dy[row * 2u];
  let intercepts = dy[row * 2u + 1u];
  for (var k = 0u; k < u.D4; k++) {
    let x = q[u.qOffset + row * u.qRow + k];
    var sum = select(vec4f(), dq[u.dqOffset + row * u.dqRow + k], u.accumulate == 1u);
    for (var h = 0u; h < u.H; h++) {
      let place = u.mOffset + row * u.mRow + h * (u.D4 + 1u) + k;
      sum += along[h] * m[place];
      dm[place] += along[h] * x;
    }
    dq[u.dqOffset + row * u.dqRow + k] = sum;
  }
  for (var h = 0u; h < u.H; h++) {
    dm[u.mOffset + row * u.mRow + h * (u.D4 + 1u) + u.D4].x += intercepts[h];
  }
}`,
  workgroups: ({ R }) => linearGroups(Math.ceil(R / lanes)),
  sizes: (s) => {
    const given = sizesOf(s)
    return { ...given, dy: s.R * 2, dm: given.m, dq: s.dqOffset + (s.R - 1) * s.dqRow + s.D4 }
  },
  reference: (s, { m, q, dy, dm, dq }: ReferenceArrays<'m' | 'q' | 'dy' | 'dm' | 'dq'>) => {
    for (let r = 0; r < s.R; r++)
      for (let h = 0; h < s.H; h++) {
        const at = places(s, r, h)
        for (let d = 0; d < s.D4 * 4; d++) {
          if (h === 0 && s.accumulate === 0) dq[(s.dqOffset + r * s.dqRow) * 4 + d] = 0
          dm[at.m + d]! += dy[r * 8 + h]! * q[at.q + d]!
          dq[(s.dqOffset + r * s.dqRow) * 4 + d]! += dy[r * 8 + h]! * m[at.m + d]!
        }
        dm[at.m + s.D4 * 4]! += dy[r * 8 + 4 + h]!
      }
  },
  cost: ({ R, H, D4 }) => ({ flops: R * H * D4 * 16, bytes: R * 16 * (3 * H * (D4 + 1) + 3 * D4 + 2) }),
  tolerance: () => ({ absolute: 1e-5, relative: 1e-5 }),
  cases: sizes.map((s, i) => ({ ...s, dqOffset: s.qOffset, dqRow: s.qRow, accumulate: i % 2 })),
  draw: (between) => {
    const D4 = between(1, 16)
    return withGaps(
      { ...dense(between(1, 90), between(1, 4), D4), dqOffset: 0, dqRow: D4, accumulate: between(0, 1) },
      between,
    )
  },
  benchmarks: [{ ...dense(2048, 2, 8), dqOffset: 0, dqRow: 8, accumulate: 1 }],
  gradient: {
    forward: ridgeScore,
    from: { y: (s, { dy }) => Float64Array.from(dy, (value, i) => (i % 4 < s.H ? value : 0)) },
    to: {
      m: 'dm',
      q: (s, { dq }) => {
        const gradient = new Float64Array(sizesOf(s).q * 4)
        for (let r = 0; r < s.R; r++)
          for (let d = 0; d < s.D4 * 4; d++)
            gradient[(s.qOffset + r * s.qRow) * 4 + d] = dq[(s.dqOffset + r * s.dqRow) * 4 + d]!
        return gradient
      },
    },
  },
}
