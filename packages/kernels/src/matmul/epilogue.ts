/** WGSL that every matmul shares: which tile of C a workgroup computes, and what happens to a sum before it is stored. */

import { activationWgsl } from '../wgsl/activation.ts'
import { dropoutWgsl } from '../wgsl/dropout.ts'
import { linearGroups } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'
import { effectiveWidth } from './shape.ts'

/** The tile of a workgroup in the grid of {@link tileGroups}. */
export const tileWgsl = /* wgsl */ `
struct Tile { column4: u32, row: u32, batch: u32 }
fn width4() -> u32 { return (u.N + 3u) / 4u; }
fn tileOf(index: u32, rows: u32, columns4: u32) -> Tile {
  let width = select(width4(), width4() * u.batch, u.aBatch == 0u);
  let across = (width + columns4 - 1u) / columns4;
  let down = (u.M + rows - 1u) / rows;
  return Tile(index % across * columns4, index / across % down * rows, index / across / down);
}
/** Batch and vec4 column of a column of the tile; the batch is out of range where there is nothing to compute. */
fn placeOf(column4: u32, batch: u32) -> vec2u {
  let width = width4();
  if (u.aBatch == 0u) { return vec2u(column4 / width + batch * u.batch, column4 % width); }
  return vec2u(select(batch, u.batch, column4 >= width), min(column4, width - 1u));
}
/** The nearest batch that exists, to load from. */
fn batchOf(place: vec2u) -> u32 { return min(place.x, u.batch - 1u); }
`

export function tileGroups(
  s: { M: number; N: number; batch: number; aBatch: number },
  { tileRows, tileColumns }: { readonly tileRows: number; readonly tileColumns: number },
): readonly [number, number, number] {
  const perBatch = Math.ceil(effectiveWidth(s) / tileColumns) * Math.ceil(s.M / tileRows)
  return linearGroups(perBatch * (s.aBatch === 0 ? 1 : s.batch))
}

/** Where an element of a vec4 tensor with an offset, a batch stride and a row stride lies. */
const at = (name: string) => `u.${name}Offset + place.x * u.${name}Batch + row * u.${name}Row + place.y`

/**
 * The epilogue in parts, so that {@link storeWgsl} can leave out what is not asked for by loops of no turns: adapters
 * without branches run both sides of an \`if\`, but only one turn of such a loop. \`finish(place, row, sum)\` is all of it.
 */
export const epilogueWgsl = /* wgsl */ `
${activationWgsl}
${dropoutWgsl}
fn exists(place: vec2u, row: u32) -> bool { return row < u.M && place.x < u.batch; }
fn columnBias(place: vec2u) -> vec4f {
  return select(vec4f(), bias[select(0u, u.biasOffset + place.y, u.hasBias == 1u)], u.hasBias == 1u);
}
fn hasEarly() -> bool { return u.accumulate == 1u || u.hasBias == 2u; }
fn early(place: vec2u, row: u32, sum: vec4f) -> vec4f {
  if (!exists(place, row)) { return sum; }
  var value = sum;
  if (u.hasBias == 2u) { value += bias[u.biasOffset + row / 4u][row % 4u]; }
  if (u.accumulate == 1u) { value += c[${at('c')}]; }
  return value;
}
fn store(place: vec2u, row: u32, value: vec4f) {
  if (exists(place, row)) { c[${at('c')}] = activate(u.activation, value); }
}
fn hasLate() -> bool { return u.dropout > 0.0 || u.hasFactor == 1u || u.hasResidual == 1u; }
fn late(place: vec2u, row: u32) {
  if (!exists(place, row)) { return; }
  let to = ${at('c')};
  var value = dropped(c[to], place.x * u.cBatch + row * u.cRow + place.y);
  if (u.hasFactor == 1u) { value *= factor[${at('factor')}]; }
  if (u.hasResidual == 1u) { value += residual[${at('residual')}]; }
  c[to] = value;
}
fn finish(place: vec2u, row: u32, sum: vec4f) {
  var value = sum;
  if (hasEarly()) { value = early(place, row, value); }
  store(place, row, value + columnBias(place));
  if (hasLate()) { late(place, row); }
}
`

/**
 * Stores sums s{row}_{column} of `rows` rows from `first` on at places p{column}. A turn of a loop is one vec4, whatever the
 * columns: drivers copy functions to where they are called, and compile each copy.
 */
export function storeWgsl(rows: number, columns4: number): string {
  const columns = range(columns4)
  const count = rows * columns4
  const row = `first + i / ${columns4}u`
  /** Of vec4 number i, what `name` has for its column. */
  const own = (name: string) =>
    columns.slice(1).reduce((value, j) => `select(${value}, ${name}${j}, i % ${columns4}u == ${j}u)`, `${name}0`)
  return `var sums: array<vec4f, ${storeArrayLength(count)}>;
  ${range(rows)
    .map((r) => columns.map((j) => `sums[${r * columns4 + j}] = s${r}_${j};`).join(' '))
    .join('\n  ')}
  for (var i = 0u; i < select(0u, ${count}u, hasEarly()); i++) { sums[i] = early(${own('p')}, ${row}, sums[i]); }
  ${columns.map((j) => `let bias${j} = columnBias(p${j});`).join(' ')}
  for (var i = 0u; i < ${count}u; i++) { store(${own('p')}, ${row}, sums[i] + ${own('bias')}); }
  for (var i = 0u; i < select(0u, ${count}u, hasLate()); i++) { late(${own('p')}, ${row}); }`
}

/**
 * Elements of a private array that is stored from in a loop. Mesa turns indirect access to arrays of up to 32 elements
 * into a tree of branches, which costs seconds of compile time; a longer array stays memory.
 */
const storeArrayLength = (needed: number): number => Math.max(40, needed)
