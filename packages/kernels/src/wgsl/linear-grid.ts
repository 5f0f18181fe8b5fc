/** A linear grid of any length, folded so that no dimension passes WebGPU's limit of 65,535 workgroups. */

const maxGroups = 65_535

/** Workgroups [x, y, 1] for `count` of them; the last row may be cut short, so the WGSL checks its index. */
export function linearGroups(count: number): readonly [number, number, number] {
  const y = Math.max(1, Math.ceil(count / maxGroups))
  return [Math.ceil(count / y), y, 1]
}

/** The linear index of a workgroup: `linearGroup(workgroup_id, num_workgroups)`. */
export const linearGroupWgsl = /* wgsl */ `
fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }
`

/** The head of `main` on a grid of workgroups of `size` invocations: `group`, `groups`, and under a name the invocation in it. */
export const mainWgsl = (size: number | string, lane = 'lane') => /* wgsl */ `@compute @workgroup_size(${size})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) ${lane}: u32,
) {`
