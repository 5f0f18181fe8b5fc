/**
 * Row-wise Adagrad on the rows of a table that a batch looked up, fused with the sum of their gradients:
 *   g = scale · Σ weight · gradient[source] + l2 · lookups · w,  a += mean(g²),  w −= rate · g / (√a + ε)
 * Group j, `groups[j]` = (row, lookups, begin, end), gathers the lookups of one row; rows are distinct. Its entries of
 * `sources` and `weights` are begin … end; where it has more than `longest` lookups, begin … end are its chunks in
 * `partials`, which chunk-sums made. Groups without lookups are skipped, so one grid serves batches of any number of rows.
 * Lanes go in step: groups of like length should stand together, the longest first.
 * `table` is one part of the whole, rows firstRow … firstRow + partRows (see split-table.ts): groups of other rows, or of
 * rows that no part has, are skipped. `squares` has all V rows. `rates` is laid out as `rateSlots` of AdamW says: skip
 * leaves rows and squares as they are.
 * Shape letters: J groups behind the first `groupOffset`, D4 vec4 of width, V table rows, P lookups, R gradient rows,
 * C chunks. `gColumn` and `gRow` count vec4.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { uniform } from '../examples/example.ts'
import { withGaps } from '../examples/with-gaps.ts'
import { rateSlots } from '../optimizer/adamw.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'

const bindings = {
  ...reads('vec4u', 'groups'),
  ...reads('u32', 'sources'),
  ...reads('f32', 'weights'),
  ...reads('vec4f', 'gradient', 'partials'),
  ...reads('f32', 'rates'),
  ...writes('f32', 'squares'),
  ...writes('vec4f', 'table'),
}

const uniforms = {
  J: 'size',
  ...all('u32', 'groupOffset', 'firstRow'),
  ...all('size', 'partRows', 'D4'),
  gColumn: 'u32',
  gRow: 'size',
  l2: 'f32',
  longest: 'u32',
} as const

export type RowAdagradShape = ShapeOf<typeof uniforms> & { V: number; P: number; R: number; C: number }

interface RowAdagradTuning extends Tuning {
  readonly workgroupSize: number
  readonly lanesPerRow: 1 | 4
  /** Of rows of up to 4 vec4, whose sums stay in registers. */
  readonly isNarrow?: true
}

const epsilon = 1e-8
/** vec4 a row whose sums stay in workgroup memory between the passes; those of wider rows are made twice. */
const keptColumns = 48

const isNarrow = ({ D4 }: { readonly [name: string]: number }) => D4! <= 4

/**
 * A row a lane, all of it at once. Drivers compile few accesses to buffers much sooner than many: what a popular row has in
 * chunks is summed a column at a time, and the row's own values are read once.
 */
function narrowWgsl(workgroupSize: number): string {
  const each = (statement: (x: number) => string) =>
    range(4)
      .map((x) => (x === 0 ? statement(x) : `if (${x}u < u.D4) { ${statement(x)} }`))
      .join('\n      ')
  return /* wgsl */ `
${mainWgsl(workgroupSize)}
  let j = group * ${workgroupSize}u + lane;
  if (j >= u.J || bitcast<u32>(rates[${rateSlots.skip}]) != 0u) { return; }
  let entry = groups[u.groupOffset + j];
  if (entry.y == 0u || entry.x < u.firstRow || entry.x - u.firstRow >= u.partRows) { return; }
  let base = (entry.x - u.firstRow) * u.D4;
  ${range(4)
    .map((x) => `var sum${x} = vec4f(); var own${x} = vec4f();`)
    .join(' ')}
  if (entry.y > u.longest) {
    for (var column = 0u; column < u.D4; column++) {
      var sum = vec4f();
      for (var i = entry.z; i < entry.w; i++) { sum += partials[i * u.D4 + column]; }
      ${range(4)
        .map((x) => `if (column == ${x}u) { sum${x} = sum; }`)
        .join(' ')}
    }
  } else {
    for (var i = entry.z; i < entry.w; i++) {
      let weight = weights[i];
      let origin = sources[i] * u.gRow + u.gColumn;
      ${each((x) => `sum${x} += weight * gradient[origin + ${x}u];`)}
    }
  }
  let penalty = u.l2 * f32(entry.y);
  var energy = 0.0;
      ${each((x) => `own${x} = table[base + ${x}u]; sum${x} *= rates[${rateSlots.gradientScale}]; if (u.l2 != 0.0) { sum${x} += penalty * own${x}; } energy += dot(sum${x}, sum${x});`)}
  let square = squares[entry.x] + energy / f32(u.D4 * 4u);
  let rate = rates[${rateSlots.tables}] / (sqrt(square) + ${epsilon});
      ${each((x) => `table[base + ${x}u] = own${x} - rate * sum${x};`)}
  squares[entry.x] = square;
}`
}

function wgsl({ workgroupSize, lanesPerRow, isNarrow }: RowAdagradTuning): string {
  if (isNarrow) return narrowWgsl(workgroupSize)
  // Each step takes 4 columns: of one lane, or one each of 4 lanes, so that their loads lie side by side.
  const own = lanesPerRow === 1 ? [0, 1, 2, 3] : [0]
  const each = (statement: (x: number) => string, separator = '\n      ') => own.map(statement).join(separator)
  const guarded = (x: number, statement: string) => `if (column + ${x}u < u.D4) { ${statement} }`
  const keptSteps = keptColumns / 4
  const kept = (x: number) => `kept[(step * ${own.length}u + ${x}u) * ${workgroupSize}u + lane]`
  const rows = workgroupSize / lanesPerRow
  return /* wgsl */ `
var<workgroup> kept: array<vec4f, ${keptSteps * own.length * workgroupSize}>;
${lanesPerRow > 1 ? `var<workgroup> energies: array<f32, ${workgroupSize}>;` : ''}
${mainWgsl(workgroupSize)}
  let j = group * ${rows}u + lane / ${lanesPerRow}u;
  let firstColumn = ${lanesPerRow > 1 ? `lane % ${lanesPerRow}u` : '0u'};
  var entry = vec4u();
  if (j < u.J && bitcast<u32>(rates[${rateSlots.skip}]) == 0u) { entry = groups[u.groupOffset + j]; }
  let live = entry.y > 0u && entry.x >= u.firstRow && entry.x - u.firstRow < u.partRows;
  ${lanesPerRow === 1 ? 'if (!live) { return; }' : ''}
  let base = (entry.x - u.firstRow) * u.D4;
  let penalty = u.l2 * f32(entry.y);
  let steps = select(0u, (u.D4 + 3u) / 4u, live);
  var energy = 0.0;
  var square = 0.0;
  var rate = 0.0;
  for (var round = 0u; round < 2u; round++) {
    for (var step = 0u; step < steps; step++) {
      let column = step * 4u + firstColumn;
      ${each((x) => `var sum${x} = vec4f();`)}
      if (round == 1u && step < ${keptSteps}u) {
        ${each((x) => `sum${x} = ${kept(x)};`)}
      } else {
        if (entry.y > u.longest) {
          for (var i = entry.z; i < entry.w; i++) {
            let origin = i * u.D4 + column;
            ${each((x) => guarded(x, `sum${x} += partials[origin + ${x}u];`))}
          }
        } else {
          for (var i = entry.z; i < entry.w; i++) {
            let weight = weights[i];
            let origin = sources[i] * u.gRow + u.gColumn + column;
            ${each((x) => guarded(x, `sum${x} += weight * gradient[origin + ${x}u];`))}
          }
        }
        ${each((x) => `sum${x} *= rates[${rateSlots.gradientScale}];`)}
        if (u.l2 != 0.0) {
          ${each((x) => guarded(x, `sum${x} += penalty * table[base + column + ${x}u];`))}
        }
      }
      if (round == 0u) {
        ${each((x) => guarded(x, `energy += dot(sum${x}, sum${x});`))}
        if (step < ${keptSteps}u) { ${each((x) => `${kept(x)} = sum${x};`, ' ')} }
      } else {
        ${each((x) => guarded(x, `table[base + column + ${x}u] -= rate * sum${x};`))}
      }
    }
    if (round == 0u) {${
      lanesPerRow > 1
        ? /* wgsl */ `
      energies[lane] = energy;
      workgroupBarrier();
      let quad = lane / 4u * 4u;
      energy = energies[quad] + energies[quad + 1u] + energies[quad + 2u] + energies[quad + 3u];`
        : ''
    }
      if (live) { square = squares[entry.x] + energy / f32(u.D4 * 4u); }
      rate = rates[${rateSlots.tables}] / (sqrt(square) + ${epsilon});
    }
  }
  ${lanesPerRow > 1 ? 'if (live && firstColumn == 0u) { squares[entry.x] = square; }' : 'squares[entry.x] = square;'}
}`
}

/** The middle one of three parts, behind other groups. */
const middle = { groupOffset: 17, firstRow: 33, partRows: 33 }

export const rowAdagrad: Kernel<RowAdagradShape, keyof typeof bindings, RowAdagradTuning> = {
  name: 'embedding.row-adagrad',
  bindings,
  uniforms,
  tunings: [
    { name: '4-lanes-per-row', workgroupSize: 64, lanesPerRow: 4 },
    { name: 'lane-per-row', workgroupSize: 8, lanesPerRow: 1 },
    { name: 'lane-per-narrow-row', workgroupSize: 8, lanesPerRow: 1, isNarrow: true, fits: isNarrow },
  ],
  bucket: (shape) => (isNarrow(shape) ? 'narrow' : 'wide'),
  wgsl,
  workgroups: ({ J }, { workgroupSize, lanesPerRow }) => linearGroups(Math.ceil((J * lanesPerRow) / workgroupSize)),
  sizes: (s) => ({
    groups: s.groupOffset + s.J,
    sources: s.P,
    weights: s.P,
    gradient: s.R * s.gRow,
    partials: Math.max(1, s.C * s.D4),
    rates: 8,
    squares: s.V,
    table: s.partRows * s.D4,
  }),
  reference: (s, { groups, sources, weights, gradient, partials, rates, squares, table }) => {
    const D = s.D4 * 4
    if (!Object.is(rates[6], 0)) return
    for (let j = s.groupOffset; j < s.groupOffset + s.J; j++) {
      const [row, lookups, begin, end] = groups.subarray(j * 4, j * 4 + 4)
      if (lookups === 0 || row < s.firstRow || row >= s.firstRow + s.partRows) continue
      const g = new Float64Array(D)
      for (let d = 0; d < D; d++) {
        for (let i = begin; i < end; i++)
          g[d]! +=
            lookups > s.longest
              ? partials[i * D + d]!
              : weights[i]! * gradient[(sources[i]! * s.gRow + s.gColumn) * 4 + d]!
        const decay = s.l2 === 0 ? 0 : s.l2 * lookups * table[(row - s.firstRow) * D + d]!
        g[d] = rates[5]! * g[d]! + decay
      }
      squares[row] = squares[row]! + g.reduce((sum, x) => sum + x * x, 0) / D
      for (let d = 0; d < D; d++)
        table[(row - s.firstRow) * D + d]! -= (rates[1]! * g[d]!) / (Math.sqrt(squares[row]!) + epsilon)
    }
  },
  cost: ({ J, P, D4, R }) => ({
    flops: P * D4 * 8 + J * D4 * 24,
    // Gradient rows once, groups, lookups, and the rows' own values and squares, read and written.
    bytes: Math.min(R, P) * D4 * 16 + J * (16 + 8 + D4 * 32) + P * 8,
  }),
  tolerance: ({ J, P }) => ({ absolute: 1e-6 * Math.ceil(P / J + 4), relative: 2e-5 }),
  cases: [
    shape({ J: 1, V: 1, partRows: 1, P: 1, R: 1, D4: 1, gRow: 1 }),
    shape({ J: 40, V: 64, partRows: 64, P: 150, R: 50, D4: 4, gColumn: 3, gRow: 11, longest: 4, C: 9 }),
    shape({ J: 40, V: 97, partRows: 97, P: 37, R: 20, D4: 3, gRow: 3, l2: 0.1 }),
    shape({ J: 61, V: 100, ...middle, P: 300, R: 20, D4: 5, gRow: 5, longest: 5, C: 7 }),
    // Wider than the sums that are kept.
    shape({ J: 19, V: 25, partRows: 25, P: 60, R: 9, D4: keptColumns + 7, gRow: keptColumns + 7, l2: 0.01 }),
    // Over 65,535 workgroups of 16 rows; nearly all of its groups are empty.
    shape({ J: 1_048_600, V: 8, partRows: 8, P: 20, R: 4, D4: 1, gRow: 1 }),
  ],
  draw: (between) => {
    const [J, D4] = [between(1, 60), between(1, keptColumns + 3)]
    const V = J + between(0, 40)
    const firstRow = between(0, V - 1)
    const partRows = between(0, 1) === 0 ? V - firstRow : between(1, V - firstRow)
    const lookups = { P: J * between(1, 4), R: between(1, 20), C: between(1, 12), longest: between(1, 9) }
    const dense = shape({ J, V, partRows, D4, gRow: D4, l2: between(0, 1) / 8, ...lookups })
    return { ...withGaps(dense, between), firstRow }
  },
  benchmarks: [4, 8, 24].map((D4) =>
    shape({ J: 11_000, V: 100_000, partRows: 100_000, P: 32_768, R: 2048, D4, gRow: D4, longest: 64, C: 256 }),
  ),
  example,
}

/** A shape of one part without offsets, but for what is given. */
function shape(
  given: Partial<RowAdagradShape> & Pick<RowAdagradShape, 'J' | 'V' | 'partRows' | 'P' | 'R' | 'D4' | 'gRow'>,
): RowAdagradShape {
  return { groupOffset: 0, firstRow: 0, gColumn: 0, l2: 0, longest: 64, C: 0, ...given }
}

/** Lookups skewed as a Zipf law, over distinct rows; the last groups are empty, and so are those that rows do not reach. */
function example(s: RowAdagradShape, random: () => number) {
  const rows = Uint32Array.from({ length: s.V }, (_, row) => row)
  for (let i = s.V - 1; i > 0; i--) {
    const k = Math.floor(random() * (i + 1))
    ;[rows[i], rows[k]] = [rows[k]!, rows[i]!]
  }
  const groups = new Uint32Array((s.groupOffset + s.J) * 4)
  const filled = Math.max(1, Math.min(s.V, Math.floor((s.groupOffset + s.J) * 0.9), s.P))
  let harmonic = 0
  for (let j = 0; j < filled; j++) harmonic += 1 / (j + 1)
  // One lookup a group, and the rest by Zipf; what rounding leaves over goes unused.
  for (let j = 0, at = 0, chunk = 0; j < filled; j++) {
    const lookups = 1 + Math.floor((s.P - filled) / harmonic / (j + 1))
    const chunked = lookups > s.longest && s.C > 0
    const chunks = chunked ? Math.min(s.C - chunk, Math.ceil(lookups / s.longest)) : 0
    groups.set(chunked ? [rows[j]!, lookups, chunk, chunk + chunks] : [rows[j]!, lookups, at, at + lookups], j * 4)
    at += lookups
    chunk += chunks
  }
  return {
    groups,
    sources: s.R,
    rates: Float32Array.of(0, 0.05, 0, 0, 0, 0.8, 0, 0),
    squares: uniform(s.V, random).map((x) => Math.abs(x) + 0.1),
  }
}
