/**
 * Sums down the rows of a matrix by workgroups of `columns` vec4 columns × `lanes`: each lane takes every `lanes`-th row,
 * and the lanes of a column are added up in their order. One lane a column needs no workgroup memory and no barrier.
 */
import type { Tuning } from '@headwater/gpu'

export interface RowSplitTuning extends Tuning {
  readonly columns: number
  readonly lanes: number
}

export const rowSplitTunings: readonly RowSplitTuning[] = [
  { name: '16-columns-16-lanes', columns: 16, lanes: 16 },
  { name: '8-columns', columns: 8, lanes: 1 },
  { name: '4-columns-2-lanes', columns: 4, lanes: 2 },
  { name: '1-column-8-lanes', columns: 1, lanes: 8 },
]

/** Of N4 columns, few or many. */
export const rowSplitBucket = (N4: number) => (N4 < 8 ? 'narrow' : N4 < 32 ? 'middle' : 'wide')

/** `combine(value, local)`: the sum over a column's lanes, for the lanes `local` < columns. All lanes must call it. */
export function combineWgsl({ columns, lanes }: RowSplitTuning): string {
  if (lanes === 1) return 'fn combine(value: vec4f, local: u32) -> vec4f { return value; }'
  return /* wgsl */ `
var<workgroup> parts: array<vec4f, ${columns * lanes}>;
fn combine(value: vec4f, local: u32) -> vec4f {
  parts[local] = value;
  workgroupBarrier();
  var sum = vec4f();
  if (local < ${columns}u) {
    for (var lane = 0u; lane < ${lanes}u; lane++) { sum += parts[lane * ${columns}u + local]; }
  }
  workgroupBarrier();
  return sum;
}`
}
