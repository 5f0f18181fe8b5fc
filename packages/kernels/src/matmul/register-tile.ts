/** 64 × 64 in the registers of 8 × 8 invocations, 8 rows and two vec4 columns each: no workgroup memory, no subgroups. */
import { columnLoads, columnSetup, loopOverK, range, valueLoads } from './columns.ts'
import { epilogueWgsl, storeWgsl, tileWgsl } from './epilogue.ts'
import type { Layout } from './shape.ts'

const rows = range(8)

export function registerTileWgsl(layout: Layout): string {
  const products = rows.map(
    (r) => `{ ${valueLoads('', `a${r}`)} s${r}_0 += v_0 * x0_0 + v_1 * x0_1; s${r}_1 += v_0 * x1_0 + v_1 * x1_1; }`,
  )
  return /* wgsl */ `
${tileWgsl(layout)}
${epilogueWgsl}
@compute @workgroup_size(8, 8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let tile = tileOf(group, groups, 64u, 16u);
  let lane = local.x;
  let first = tile.row + local.y * 8u;
  ${columnSetup(layout, 2, 8)}
  let aStart = u.aOffset + min(tile.batch, u.batch - 1u) * u.aBatch;
  ${rows.map((r) => `let a${r} = aStart + min(first + ${r}u, u.M - 1u) * u.aRow;`).join('\n  ')}
  ${rows.map((r) => `var s${r}_0 = vec4f(); var s${r}_1 = vec4f();`).join('\n  ')}
  ${loopOverK([columnLoads(layout, 2), ...products].join('\n    '))}
  ${storeWgsl(8, 2)}
}`
}
