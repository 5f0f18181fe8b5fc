/**
 * Grid of the encodings: an invocation keeps one vec4 column of the output, with what that column needs of parameters in
 * registers, and goes down `rows` rows. Bindings of 128 MiB, WebGPU's default limit, need fewer than 65,535 workgroups.
 */
import type { Tuning } from '@headwater/gpu'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'

export interface RowsTuning extends Tuning {
  readonly workgroup: number
  readonly rows: number
}

export const rowsTunings: readonly RowsTuning[] = [
  { name: '8-rows', workgroup: 64, rows: 8 },
  { name: '32-rows', workgroup: 64, rows: 32 },
]

export const rowsGrid = (R: number, columns: number, { workgroup, rows }: RowsTuning) =>
  linearGroups(Math.ceil((Math.ceil(R / rows) * columns) / workgroup))

/** `main`: `before` runs once for column `q` of `columns` (a WGSL expression), `body` for each of its rows `r`. */
export function rowsWgsl({ workgroup, rows }: RowsTuning, columns: string, before: string, body: string): string {
  return /* wgsl */ `
${mainWgsl(workgroup)}
  let columns = ${columns};
  let index = group * ${workgroup}u + lane;
  let block = index / columns;
  let q = index - block * columns;
  let begin = block * ${rows}u;
  let end = min(u.R, begin + ${rows}u);
  if (begin >= u.R) { return; }
  ${before}
  for (var r = begin; r < end; r++) {
    ${body}
  }
}`
}
