/** A linear grid of any length, folded so that no dimension passes WebGPU's limit of 65,535 workgroups. */

const maxGroups = 65_535

/** Workgroups [x, y, 1] for `count` of them; the last row may be cut short, so the WGSL checks its index. */
export function linearGroups(count: number): readonly [number, number, number] {
  const y = Math.max(1, Math.ceil(count / maxGroups))
  return [Math.ceil(count / y), y, 1]
}

/** `main` on such a grid, up to its first statements: `group`, the workgroup's index, and `lane`, the invocation's in it. */
export const mainWgsl = (size: number, lane = 'lane', builtin = 'local_invocation_index') => /* wgsl */ `
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(${builtin}) ${lane}: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;`
