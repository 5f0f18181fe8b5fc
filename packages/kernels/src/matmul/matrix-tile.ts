/**
 * Tiles for the matrix units of a GPU (the experimental feature for subgroup matrices): 128 invocations compute 64 × 64,
 * a subgroup 16 rows of it at a time. A and B are staged in workgroup memory, where edges become zero, as f32 for units
 * of 8 × 8 × 8 or, for B in fp16, as f16 for units of 16 × 16 × 16 that sum in f32.
 */
import { range } from './columns.ts'
import { epilogueWgsl, tileWgsl } from './epilogue.ts'
import type { Layout } from './shape.ts'

const depth = 16

export function matrixTileWgsl(layout: 'row-major' | 'half'): string {
  const [type, unit]: [string, number] = layout === 'half' ? ['f16', 16] : ['f32', 8]
  const down = range(16 / unit)
  const across = range(64 / unit)
  const loadB: Record<typeof layout & Layout, string> = {
    'row-major': range(2)
      .map(
        (s) => `{
        let k = kStart + local / 16u + ${s * 8}u;
        let x = select(vec4f(), b[bStart + min(k, u.K - 1u) * u.bRow], k < u.K);
        let to = (local / 16u + ${s * 8}u) * 64u + local % 16u * 4u;
        ${range(4)
          .map((i) => `tileB[to + ${i}u] = x[${i}];`)
          .join(' ')}
      }`,
      )
      .join('\n      '),
    half: `{
        let k = kStart + local / 8u;
        let x = select(vec4u(), b[bStart + min(k, u.K - 1u) * u.bRow], k < u.K);
        let to = local / 8u * 64u + local % 8u * 8u;
        ${range(4)
          .map(
            (i) =>
              `let h${i} = vec2<f16>(unpack2x16float(x[${i}])); tileB[to + ${i * 2}u] = h${i}.x; tileB[to + ${i * 2 + 1}u] = h${i}.y;`,
          )
          .join(' ')}
      }`,
  }
  const from =
    layout === 'half'
      ? `let source = placeOf(tile.column4 + local % 8u * 2u, tile.batch);
  let bStart = u.bOffset + batchOf(source) * u.bBatch + source.y / 2u;`
      : `let source = placeOf(tile.column4 + local % 16u, tile.batch);
  let bStart = u.bOffset + batchOf(source) * u.bBatch + source.y;`
  const matrix = (side: string, of: string) => `subgroup_matrix_${side}<${of}, ${unit}, ${unit}>`
  return /* wgsl */ `
${tileWgsl(layout)}
${epilogueWgsl}
var<workgroup> tileA: array<${type}, ${64 * depth}>;
var<workgroup> tileB: array<${type}, ${depth * 64}>;
var<workgroup> staged: array<f32, ${64 * 16}>;
var<workgroup> lanes: u32;
// A strip is the same for all of a subgroup, which the compiler cannot know.
@diagnostic(off, chromium.subgroup_matrix_uniformity)
@compute @workgroup_size(128)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_size) subgroupSize: u32,
) {
  let tile = tileOf(group, groups, 64u, 16u);
  let aStart = u.aOffset + min(tile.batch, u.batch - 1u) * u.aBatch;
  ${from}
  if (local == 0u) { lanes = subgroupSize; }
  let size = workgroupUniformLoad(&lanes);
  // Strips of 16 rows; what the subgroups cannot take at once waits for the next round.
  let strips = min(128u / size, 4u);
  for (var round = 0u; round < 4u; round += strips) {
    let strip = min(local / size, strips - 1u);
    ${down.map((i) => across.map((j) => `var acc${i}_${j} = ${matrix('result', 'f32')}();`).join(' ')).join('\n    ')}
    for (var kStart = 0u; kStart < u.K; kStart += ${depth}u) {
      for (var i = local; i < ${64 * depth}u; i += 128u) {
        let k = select(i % ${depth}u, i / 64u, u.aRow == 1u);
        let m = select(i / ${depth}u, i % 64u, u.aRow == 1u);
        let value = a[aStart + min(tile.row + m, u.M - 1u) * u.aRow + min(kStart + k, u.K - 1u) * u.aCol];
        tileA[m * ${depth}u + k] = ${type}(select(0.0, value, kStart + k < u.K));
      }
      ${loadB[layout]}
      workgroupBarrier();
      ${range(depth / unit)
        .map(
          (k) => `{
        ${down.map((i) => `let left${i} = subgroupMatrixLoad<${matrix('left', type)}, row_major>(&tileA, ((round + strip) * 16u + ${i * unit}u) * ${depth}u + ${k * unit}u, ${depth}u);`).join('\n        ')}
        ${across
          .map(
            (
              j,
            ) => `{ let right = subgroupMatrixLoad<${matrix('right', type)}, row_major>(&tileB, ${k * unit * 64 + j * unit}u, 64u);
          ${down.map((i) => `acc${i}_${j} = subgroupMatrixMultiplyAccumulate(left${i}, right, acc${i}_${j});`).join(' ')} }`,
          )
          .join('\n        ')}
      }`,
        )
        .join('\n      ')}
      workgroupBarrier();
    }
    ${range(4)
      .map(
        (q) => `{
      ${down
        .map((i) =>
          range(16 / unit)
            .map(
              (j) =>
                `subgroupMatrixStore<row_major>(&staged, strip * 256u + ${i * unit * 16 + j * unit}u, acc${i}_${q * (16 / unit) + j}, 16u);`,
            )
            .join(' '),
        )
        .join('\n      ')}
      workgroupBarrier();
      for (var i = local; i < strips * 64u; i += 128u) {
        let place = placeOf(tile.column4 + ${q * 4}u + i % 4u, tile.batch);
        let at = i * 4u;
        finish(place, tile.row + round * 16u + i / 4u, vec4f(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]));
      }
      workgroupBarrier();
    }`,
      )
      .join('\n    ')}
  }
}`
}
