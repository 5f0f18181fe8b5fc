/**
 * Grid of kernels that go through vec4 elements in order: each invocation takes `elements` of them, a workgroup's width
 * apart. Bindings of 128 MiB, WebGPU's default limit, need fewer than 65,535 workgroups.
 */
import type { Tuning } from '@headwater/gpu'
import { linearGroups, linearGroupWgsl, mainWgsl } from '../wgsl/linear-grid.ts'

export interface ElementTuning extends Tuning {
  readonly elements: number
}

export const elementTunings: readonly ElementTuning[] = [
  { name: '4-elements', elements: 4 },
  { name: '16-elements', elements: 16 },
]

const workgroup = 64

export const elementGroups = (count4: number, { elements }: ElementTuning) =>
  linearGroups(Math.ceil(count4 / (workgroup * elements)))

/** `main` that runs `body` for each `i` < u.count4. */
export function elementWgsl({ elements }: ElementTuning, body: string): string {
  return /* wgsl */ `
${linearGroupWgsl}
${mainWgsl(workgroup, 'local')}
  let start = linearGroup(group, groups) * ${workgroup * elements}u;
  let end = min(u.count4, start + ${workgroup * elements}u);
  for (var i = start + local; i < end; i += ${workgroup}u) { ${body} }
}`
}
