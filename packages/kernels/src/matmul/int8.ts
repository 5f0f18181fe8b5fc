/**
 * C[M,N] = epilogue((A · Bᵀ) ⊙ scales) for inference, with A [M,K] and B [N,K] in int8 as quantize-rows makes them: four
 * values in a u32, rows padded with zeros to 16 values, a scale for each row, so that
 * c[m,n] = aScale[m] · bScale[n] · Σ a[m,k] · b[n,k]. The sum is of whole numbers; the error is that of quantizing alone:
 * with steps a and b (the scales), each product a[m,k] · b[n,k] is off by at most |x| · b / 2 + |w| · a / 2 + a · b / 4,
 * and as these errors have no common sign, the sum's grows like √K: about 1 % of |C| for rows of uniform or normal values.
 * `aOffset`, `aRow`, `bOffset`, `bRow` count vec4u (16 values), `aScaleOffset` floats, `bScaleOffset` and all others vec4.
 * Epilogue as in shape.ts, without batches and dropout.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { integers, padded, uniform } from '../case-arrays.ts'
import { linearGroups } from '../wgsl/linear-grid.ts'
import { range } from './columns.ts'
import { epilogueWgsl, storeWgsl } from './epilogue.ts'
import { epilogueReference } from './reference.ts'
import { type MatmulShape, matmulShape } from './shape.ts'

export type MatmulInt8Shape = Omit<
  MatmulShape,
  'batch' | 'aCol' | 'aBatch' | 'bBatch' | 'cBatch' | 'factorBatch' | 'residualBatch' | 'dropout' | 'site'
> & { aScaleOffset: number; bScaleOffset: number }

export type MatmulInt8Binding = 'a' | 'b' | 'aScale' | 'bScale' | 'bias' | 'factor' | 'residual' | 'c'

export interface MatmulInt8Tuning extends Tuning {
  readonly tileRows: number
  readonly tileColumns: number
  readonly wgsl: () => string
}

export function matmulInt8Shape(
  given: { M: number; N: number; K: number } & Partial<MatmulInt8Shape>,
): MatmulInt8Shape {
  const { batch, aCol, aBatch, bBatch, cBatch, factorBatch, residualBatch, dropout, site, ...shape } =
    matmulShape(given)
  const row = Math.ceil(given.K / 16)
  return { ...shape, aRow: row, bRow: row, aScaleOffset: 0, bScaleOffset: 0, ...given }
}

const tileWgsl = /* wgsl */ `
struct Tile { column4: u32, row: u32 }
fn width4() -> u32 { return (u.N + 3u) / 4u; }
fn tileOf(group: vec3u, groups: vec3u, rows: u32, columns4: u32) -> Tile {
  let across = (width4() + columns4 - 1u) / columns4;
  let index = group.y * groups.x + group.x;
  return Tile(index % across * columns4, index / across * rows);
}
/** 1 in place of the batch where there is no such column. */
fn placeOf(column4: u32) -> vec2u { return vec2u(select(0u, 1u, column4 >= width4()), min(column4, width4() - 1u)); }
fn columnsOf(place: vec2u) -> vec4u { return vec4u(place.y * 4u) + vec4u(0u, 1u, 2u, 3u); }
/** Where the four rows of B behind a vec4 column begin. */
fn rowsOf(place: vec2u) -> vec4u { return vec4u(u.bOffset) + min(columnsOf(place), vec4u(u.N - 1u)) * u.bRow; }
fn scaled(place: vec2u, row: u32, sum: vec4f) -> vec4f {
  let scale = aScale[u.aScaleOffset + min(row, u.M - 1u)] * bScale[u.bScaleOffset + place.y];
  return select(vec4f(), sum * scale, columnsOf(place) < vec4u(u.N));
}
`

/** 8 × 8 invocations, each of 4 rows and one vec4 column: 32 × 32. Products by the instruction for packed int8. */
function dotWgsl(): string {
  return /* wgsl */ `
${tileWgsl}
${epilogueWgsl({ batches: false, dropout: false })}
@compute @workgroup_size(8, 8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let tile = tileOf(group, groups, 32u, 8u);
  let first = tile.row + local.y * 4u;
  let place = placeOf(tile.column4 + local.x);
  let words = rowsOf(place);
  let start = vec4u(u.aOffset) + min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(u.M - 1u)) * u.aRow;
  ${range(4)
    .map((r) => `var s${r} = vec4i();`)
    .join(' ')}
  for (var k = 0u; k < (u.K + 15u) / 16u; k++) {
    ${range(4)
      .map((n) => `let y${n} = b[words.${'xyzw'[n]} + k];`)
      .join(' ')}
    ${range(4)
      .map(
        (r) => `{ let x = a[start.${'xyzw'[r]} + k];
      s${r} += vec4i(${range(4)
        .map((n) =>
          range(4)
            .map((i) => `dot4I8Packed(x.${'xyzw'[i]}, y${n}.${'xyzw'[i]})`)
            .join(' + '),
        )
        .join(', ')}); }`,
      )
      .join('\n    ')}
  }
  ${range(4)
    .map((r) => `finish(place, first + ${r}u, scaled(place, first + ${r}u, vec4f(s${r})));`)
    .join('\n  ')}
}`
}

/**
 * One subgroup of 8 lanes, 32 × 64, as in subgroup-tile.ts: values become floats once when they are loaded, where the
 * instruction for packed int8 is slower than a multiplication of floats. Sums are exact up to 2²⁴ (K ≤ 1040), then rounded.
 */
function subgroupWgsl(): string {
  const rows = 32
  const products = range(rows)
    .map((r) => {
      const share = (i: number) => `subgroupBroadcast(w${r >> 3}_${i}, ${r & 7}u)`
      return `{ let v = ${share(0)}; let w = ${share(1)}; ${range(2)
        .map((j) => `s${r}_${j} += v * y${j}_0 + w * y${j}_1;`)
        .join(' ')} }`
    })
    .join('\n    ')
  return /* wgsl */ `
${tileWgsl}
${epilogueWgsl({ batches: false, dropout: false })}
fn valuesOfA(word: u32) -> vec4f { return vec4f(unpack4xI8(a[word / 4u][word % 4u])); }
fn valuesOfB(word: u32) -> vec4f { return vec4f(unpack4xI8(b[word / 4u][word % 4u])); }
@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let tile = tileOf(group, groups, ${rows}u, 16u);
  ${range(2)
    .map((j) => `let p${j} = placeOf(tile.column4 + ${j * 8}u + lane); let b${j} = rowsOf(p${j}) * 4u;`)
    .join('\n  ')}
  ${range(4)
    .map((q) => `let a${q} = (u.aOffset + min(tile.row + ${q * 8}u + lane, u.M - 1u) * u.aRow) * 4u;`)
    .join('\n  ')}
  ${range(rows)
    .map((r) => `var s${r}_0 = vec4f(); var s${r}_1 = vec4f();`)
    .join('\n  ')}
  for (var k = 0u; k < (u.K + 3u) / 4u; k++) {
    ${range(4)
      .map((q) => `let v${q} = valuesOfA(a${q} + k);`)
      .join(' ')}
    ${range(2)
      .map((j) => {
        const loads = range(4).map((n) => `let t${j}_${n} = valuesOfB(b${j}.${'xyzw'[n]} + k);`)
        const columns = range(4).map(
          (i) =>
            `let x${j}_${i} = vec4f(${range(4)
              .map((n) => `t${j}_${n}.${'xyzw'[i]}`)
              .join(', ')});`,
        )
        return [...loads, ...columns].join(' ')
      })
      .join('\n    ')}
    for (var second = 0u; second < 2u; second++) {
    ${[0, 1]
      .map((i) =>
        [
          ...range(4).map((q) => `let w${q}_${i} = select(v${q}.${'xy'[i]}, v${q}.${'zw'[i]}, second == 1u);`),
          ...range(2).map((j) => `let y${j}_${i} = select(x${j}_${i}, x${j}_${i + 2}, second == 1u);`),
        ].join(' '),
      )
      .join('\n    ')}
    ${products}
    }
  }
  ${range(4)
    .map((q) => `let g${q} = aScale[u.aScaleOffset + min(tile.row + ${q * 8}u + lane, u.M - 1u)];`)
    .join(' ')}
  ${range(2)
    .map((j) => `let h${j} = bScale[u.bScaleOffset + p${j}.y]; let inside${j} = columnsOf(p${j}) < vec4u(u.N);`)
    .join(' ')}
  let first = tile.row;
  ${storeWgsl(
    rows,
    2,
    (r, j) => `select(vec4f(), s${r}_${j} * subgroupBroadcast(g${r >> 3}, ${r & 7}u) * h${j}, inside${j})`,
  )}
}`
}

/** The value of byte `k` of a row that begins at word `start`. */
function byteOf(words: Float64Array | Uint32Array, start: number, k: number): number {
  const byte = (words[start + (k >> 2)]! >>> ((k & 3) * 8)) & 255
  return byte < 128 ? byte : byte - 256
}

const sizesOf = (s: MatmulInt8Shape) => {
  const row4 = padded(s.N) / 4
  const rows4 = (on: number, offset: number, row: number) => (on ? offset + (s.M - 1) * row + row4 : 1)
  return {
    a: s.aOffset + (s.M - 1) * s.aRow + Math.ceil(s.K / 16),
    b: s.bOffset + (s.N - 1) * s.bRow + Math.ceil(s.K / 16),
    aScale: s.aScaleOffset + s.M,
    bScale: s.bScaleOffset + row4,
    bias: s.hasBias ? s.biasOffset + padded(s.hasBias === 2 ? s.M : s.N) / 4 : 1,
    factor: rows4(s.hasFactor, s.factorOffset, s.factorRow),
    residual: rows4(s.hasResidual, s.residualOffset, s.residualRow),
    c: rows4(1, s.cOffset, s.cRow),
  }
}

export const matmulInt8: Kernel<MatmulInt8Shape, MatmulInt8Binding, MatmulInt8Tuning> = {
  name: 'matmul.int8',
  bindings: {
    a: { type: 'vec4u', access: 'read' },
    b: { type: 'vec4u', access: 'read' },
    aScale: { type: 'f32', access: 'read' },
    bScale: { type: 'vec4f', access: 'read' },
    bias: { type: 'vec4f', access: 'read' },
    factor: { type: 'vec4f', access: 'read' },
    residual: { type: 'vec4f', access: 'read' },
    c: { type: 'vec4f', access: 'read_write' },
  },
  uniforms: {
    M: 'size',
    N: 'size',
    K: 'size',
    aOffset: 'u32',
    aRow: 'u32',
    aScaleOffset: 'u32',
    bOffset: 'u32',
    bRow: 'u32',
    bScaleOffset: 'u32',
    cOffset: 'u32',
    cRow: 'u32',
    hasBias: 'u32',
    biasOffset: 'u32',
    accumulate: 'u32',
    activation: 'u32',
    hasFactor: 'u32',
    factorOffset: 'u32',
    factorRow: 'u32',
    hasResidual: 'u32',
    residualOffset: 'u32',
    residualRow: 'u32',
  },
  tunings: [
    { name: 'dot-32x32', tileRows: 32, tileColumns: 32, wgsl: dotWgsl },
    {
      name: 'subgroup-32x64',
      tileRows: 32,
      tileColumns: 64,
      needs: { features: ['subgroups'], minSubgroupSize: 8 },
      wgsl: subgroupWgsl,
    },
  ],
  wgsl: (tuning) => tuning.wgsl(),
  workgroups: ({ M, N }, { tileRows, tileColumns }) =>
    linearGroups(Math.ceil(N / tileColumns) * Math.ceil(M / tileRows)),
  sizes: sizesOf,
  reference: (s, arrays) => {
    const { a, b, aScale, bScale, bias, factor, residual, c } = arrays
    const shape = { ...s, batch: 1, cBatch: 0, factorBatch: 0, residualBatch: 0, dropout: 0, site: 0 }
    epilogueReference(shape, { bias, factor, residual, step: Uint32Array.of(0), c }, (_, m, n) => {
      if (n >= s.N) return 0
      let sum = 0
      for (let k = 0; k < s.K; k++)
        sum += byteOf(a, (s.aOffset + m * s.aRow) * 4, k) * byteOf(b, (s.bOffset + n * s.bRow) * 4, k)
      return sum * aScale[s.aScaleOffset + m]! * bScale[s.bScaleOffset * 4 + n]!
    })
  },
  cost: ({ M, N, K, accumulate, hasFactor, hasResidual }) => ({
    flops: 2 * M * N * K,
    bytes: M * K + N * K + 4 * (M + N + M * N * (1 + accumulate + hasFactor + hasResidual)),
  }),
  // The scales of the examples are about 1 / 127 each, those of real rows too.
  tolerance: ({ K }) => ({ absolute: 1e-6 * (4 + K / 8), relative: 1e-5 }),
  cases: [
    matmulInt8Shape({ M: 1, N: 1, K: 1 }),
    matmulInt8Shape({ M: 33, N: 65, K: 47, hasBias: 1, activation: 1 }),
    matmulInt8Shape({ M: 32, N: 64, K: 64 }),
    matmulInt8Shape({ M: 70, N: 9, K: 2000, hasBias: 2, activation: 2 }),
    matmulInt8Shape({
      M: 19,
      N: 20,
      K: 30,
      aOffset: 3,
      aRow: 5,
      aScaleOffset: 7,
      bOffset: 1,
      bRow: 3,
      bScaleOffset: 2,
      cOffset: 1,
      cRow: 8,
      hasBias: 1,
      biasOffset: 2,
      hasFactor: 1,
      factorOffset: 1,
      hasResidual: 1,
      residualRow: 0,
      accumulate: 1,
    }),
  ],
  draw: (between) => {
    const [M, N, K] = [between(1, 70), between(1, 140), between(1, 100)]
    const row = () => padded(N) / 4 + between(0, 2)
    const flag = () => between(0, 1) as 0 | 1
    return matmulInt8Shape({
      M,
      N,
      K,
      aOffset: between(0, 3),
      aRow: Math.ceil(K / 16) + between(0, 2),
      aScaleOffset: between(0, 5),
      bOffset: between(0, 3),
      bRow: Math.ceil(K / 16) + between(0, 2),
      bScaleOffset: between(0, 3),
      cOffset: between(0, 3),
      cRow: row(),
      hasBias: between(0, 2) as 0 | 1 | 2,
      biasOffset: between(0, 3),
      accumulate: flag(),
      activation: between(0, 4) as MatmulInt8Shape['activation'],
      hasFactor: flag(),
      factorOffset: between(0, 3),
      factorRow: row(),
      hasResidual: flag(),
      residualOffset: between(0, 3),
      residualRow: row(),
    })
  },
  benchmarks: [
    matmulInt8Shape({ M: 512, N: 512, K: 512 }),
    matmulInt8Shape({ M: 2048, N: 192, K: 192 }),
    matmulInt8Shape({ M: 2048, N: 192, K: 1536 }),
  ],
  example: (s, random) => {
    const sizes = sizesOf(s)
    const rows = (count: number, elements: number, offset: number, row: number) => {
      const words = integers(elements * 4, 2 ** 32, random)
      const bytes = new Uint8Array(words.buffer)
      // −128 does not come from quantizing, and rows are padded with zeros.
      for (const [i, byte] of bytes.entries()) if (byte === 128) bytes[i] = 0
      for (let r = 0; r < count; r++)
        bytes.fill(0, (offset + r * row) * 16 + s.K, (offset + r * row + Math.ceil(s.K / 16)) * 16)
      return words
    }
    return {
      a: rows(s.M, sizes.a, s.aOffset, s.aRow),
      b: rows(s.N, sizes.b, s.bOffset, s.bRow),
      aScale: uniform(sizes.aScale, random, 1 / 127),
      bScale: uniform(sizes.bScale * 4, random, 1 / 127),
      bias: uniform(sizes.bias * 4, random),
      factor: uniform(sizes.factor * 4, random),
      residual: uniform(sizes.residual * 4, random),
      c: uniform(sizes.c * 4, random),
    }
  },
}
