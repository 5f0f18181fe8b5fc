/**
 * Gradients of gain and shift of layer norm and RMS norm: dgain = Σ over vectors of dy · x̂, dshift = Σ of dy, with
 * x̂ = (x − mean) · rstd. The V vectors are cut into S slices of ⌈V / S⌉; out[s] = dgain D4 | dshift D4 of slice s. So S = 1
 * gives the gradients; a larger S, followed by a column sum, gives them sooner where V is large. Units: norm-shape.ts.
 */
import type { Kernel } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { combineWgsl, type RowSplitTuning, rowSplitBucket, rowSplitTunings } from '../layout/row-split.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'
import { layerNormForward } from './layer-norm.ts'
import { exampleMoments, type NormShape, normGaps, normShape, xSize, ySize } from './norm-shape.ts'

const uniforms = {
  ...all('size', 'V', 'K', 'D4'),
  ...all('u32', 'xOffset', 'xRow', 'yOffset', 'yRow'),
  S: 'size',
  outOffset: 'u32',
  outRow: 'u32',
} as const

export type NormParametersShape = ShapeOf<typeof uniforms>

/** A whole shape from what is not the default: one vector a row, no gaps, one slice. */
export function normParametersShape(
  given: { V: number; D4: number } & Partial<NormParametersShape>,
): NormParametersShape {
  const row = (given.K ?? 1) * given.D4
  return { K: 1, xOffset: 0, xRow: row, yOffset: 0, yRow: row, S: 1, outOffset: 0, outRow: given.D4 * 2, ...given }
}

const forwardShape = ({ S, outOffset, outRow, ...layout }: NormParametersShape): NormShape =>
  normShape({ ...layout, hasGain: 1, hasShift: 1 })

const outSize = ({ S, D4, outOffset, outRow }: NormParametersShape) => outOffset + (S - 1) * outRow + D4 * 2

/** Adds up the slices' rows from column `from` on. */
function sumSlices(s: NormParametersShape, out: ArrayLike<number>, from: number): Float64Array {
  return Float64Array.from({ length: s.D4 * 4 }, (_, d) => {
    let sum = 0
    for (let slice = 0; slice < s.S; slice++) sum += out[(s.outOffset + slice * s.outRow) * 4 + from + d]!
    return sum
  })
}

export const normParametersBackward: Kernel<NormParametersShape, 'x' | 'moments' | 'dy' | 'out', RowSplitTuning> = {
  name: 'norm.parameters-backward',
  bindings: { ...reads('vec4f', 'x'), ...reads('f32', 'moments'), ...reads('vec4f', 'dy'), ...writes('vec4f', 'out') },
  uniforms,
  tunings: rowSplitTunings,
  bucket: ({ D4 }) => rowSplitBucket(D4),
  wgsl: (t) => /* wgsl */ `
${combineWgsl(t)}
${mainWgsl(t.columns * t.lanes)}
  let across = (u.D4 + ${t.columns - 1}u) / ${t.columns}u;
  let index = group;
  let slice = index / across;
  if (slice >= u.S) { return; }
  let i = (index - slice * across) * ${t.columns}u + lane % ${t.columns}u;
  let column = min(i, u.D4 - 1u);
  let length = (u.V + u.S - 1u) / u.S;
  let end = min(u.V, (slice + 1u) * length);
  var v = slice * length + lane / ${t.columns}u;
  var row = v / u.K;
  var place = v - row * u.K;
  var gain = vec4f();
  var shift = vec4f();
  for (; v < end; v += ${t.lanes}u) {
    let at = place * u.D4 + column;
    let d = dy[u.yOffset + row * u.yRow + at];
    gain += d * ((x[u.xOffset + row * u.xRow + at] - moments[v * 2u]) * moments[v * 2u + 1u]);
    shift += d;
    place += ${t.lanes}u;
    while (place >= u.K) { place -= u.K; row++; }
  }
  let dgain = combine(gain, lane);
  let dshift = combine(shift, lane);
  if (lane < ${t.columns}u && i < u.D4) {
    let to = u.outOffset + slice * u.outRow + i;
    out[to] = dgain;
    out[to + u.D4] = dshift;
  }
}`,
  workgroups: ({ D4, S }, { columns }) => linearGroups(S * Math.ceil(D4 / columns)),
  sizes: (s) => ({ x: xSize(forwardShape(s)), moments: s.V * 2, dy: ySize(forwardShape(s)), out: outSize(s) }),
  reference: (s, { x, moments, dy, out }) => {
    const D = s.D4 * 4
    for (let slice = 0; slice < s.S; slice++) {
      const to = (s.outOffset + slice * s.outRow) * 4
      out.fill(0, to, to + D * 2)
    }
    for (let v = 0; v < s.V; v++) {
      const to = (s.outOffset + Math.floor(v / Math.ceil(s.V / s.S)) * s.outRow) * 4
      const from = (s.xOffset + Math.floor(v / s.K) * s.xRow) * 4 + (v % s.K) * D
      const by = (s.yOffset + Math.floor(v / s.K) * s.yRow) * 4 + (v % s.K) * D
      for (let d = 0; d < D; d++) {
        const normalized = (x[from + d]! - moments[v * 2]!) * moments[v * 2 + 1]!
        out[to + d] = out[to + d]! + dy[by + d]! * normalized
        out[to + D + d] = out[to + D + d]! + dy[by + d]!
      }
    }
  },
  cost: ({ V, D4, S }) => ({ flops: V * D4 * 4 * 5, bytes: V * (D4 * 32 + 8) + S * D4 * 32 }),
  tolerance: ({ V, S }) => ({ absolute: 1e-6 + 4e-7 * (V / S) ** 0.75, relative: 2e-6 }),
  cases: [
    normParametersShape({ V: 1, D4: 1 }),
    normParametersShape({ V: 35, K: 2, D4: 5, ...normGaps, S: 4, outOffset: 2, outRow: 12 }),
    normParametersShape({ V: 66, K: 2, D4: 24 }),
    normParametersShape({ V: 301, K: 3, D4: 17, S: 7 }),
    // more slices than vectors: the rest are empty
    normParametersShape({ V: 5, D4: 9, S: 8 }),
    normParametersShape({ V: 65_537, D4: 1, S: 65_537 }),
  ],
  draw: (between) => {
    const [K, D4, S] = [between(1, 4), between(1, 40), between(1, 6)]
    return withGaps(normParametersShape({ V: between(1, 90), K, D4, S }), between)
  },
  benchmarks: [
    normParametersShape({ V: 2048, D4: 48 }),
    normParametersShape({ V: 8192, D4: 24 }),
    normParametersShape({ V: 1024, K: 2, D4: 64, S: 8 }),
    normParametersShape({ V: 65_536, D4: 4, S: 256 }),
  ],
  example: ({ V }, random) => ({ x: 2, moments: exampleMoments(V, random) }),
  gradient: {
    forward: layerNormForward,
    shape: forwardShape,
    from: { y: 'dy' },
    to: { gain: (s, { out }) => sumSlices(s, out, 0), shift: (s, { out }) => sumSlices(s, out, s.D4 * 4) },
  },
}
