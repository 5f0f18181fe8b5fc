/**
 * Sums and maxima over the lanes that share a row: a whole workgroup of 8 by subgroup operations, or of 64 through
 * workgroup memory. `reduceSum`, `reduceSum4` (of a vec4f) and `reduceMax`, each called with the value and the lane's
 * number by all lanes, give every lane the result.
 */
import type { Tuning } from '@headwater/gpu'
import { mainWgsl } from './linear-grid.ts'

export interface RowTuning extends Tuning {
  readonly kind: 'workgroup' | 'subgroup'
}

export const rowLanes = ({ kind }: Pick<RowTuning, 'kind'>): number => (kind === 'subgroup' ? 8 : 64)

/** `main` of workgroups whose lanes share rows. */
export const rowMainWgsl = (tuning: RowTuning): string =>
  mainWgsl(rowLanes(tuning), 'lane', tuning.kind === 'subgroup' ? 'subgroup_invocation_id' : 'local_invocation_index')

export function reduceWgsl({ kind }: Pick<RowTuning, 'kind'>): string {
  if (kind === 'subgroup')
    return /* wgsl */ `
fn reduceSum(value: f32, lane: u32) -> f32 { return subgroupAdd(value); }
fn reduceSum4(value: vec4f, lane: u32) -> vec4f { return subgroupAdd(value); }
fn reduceMax(value: f32, lane: u32) -> f32 { return subgroupMax(value); }
`
  // Eight lanes combine eight values each, then every lane combines the eight results. A next call writes `NAME_values`
  // after this one's second barrier and `NAME_groups` after its own first, so no third is needed.
  const twoSteps = (name: string, type: string, combined: string) => /* wgsl */ `
var<workgroup> ${name}_values: array<${type}, 64>;
var<workgroup> ${name}_groups: array<${type}, 8>;
fn ${name}(value: ${type}, lane: u32) -> ${type} {
  ${name}_values[lane] = value;
  workgroupBarrier();
  if (lane < 8u) {
    var a = ${name}_values[lane * 8u];
    for (var i = 1u; i < 8u; i++) { let b = ${name}_values[lane * 8u + i]; a = ${combined}; }
    ${name}_groups[lane] = a;
  }
  workgroupBarrier();
  var a = ${name}_groups[0];
  for (var i = 1u; i < 8u; i++) { let b = ${name}_groups[i]; a = ${combined}; }
  return a;
}`
  return /* wgsl */ `
${twoSteps('reduceSum', 'f32', 'a + b')}
${twoSteps('reduceSum4', 'vec4f', 'a + b')}
${twoSteps('reduceMax', 'f32', 'max(a, b)')}
`
}
