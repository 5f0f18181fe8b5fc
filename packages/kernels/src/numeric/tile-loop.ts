/**
 * The loop of elementwise kernels: a workgroup takes `lanes` · `each` consecutive elements, its lanes interleaved. The
 * end is no constant on purpose: drivers that unroll loops of known length run this one at half its speed.
 */
import type { Tuning } from '@headwater/gpu'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'

export interface TileTuning extends Tuning {
  readonly lanes: number
  /** Elements a lane takes. */
  readonly each: number
}

/** The first keeps a real GPU busy, the second suits drivers on a CPU: one SIMD vector of lanes, few workgroups. */
export const tileTunings: readonly TileTuning[] = [
  { name: '64x1', lanes: 64, each: 1 },
  { name: '8x64', lanes: 8, each: 64 },
]

export const tileGroups = ({ count4 }: { count4: number }, { lanes, each }: TileTuning) =>
  linearGroups(Math.ceil(count4 / (lanes * each)))

/**
 * A whole `main` over u.count4 elements, or as many as the WGSL expression `count` says.
 * @param before statements in front of the loop
 * @param body statements for element `i`
 */
export const tileLoop = ({ lanes, each }: TileTuning, before: string, body: string, count = 'u.count4') => /* wgsl */ `
${mainWgsl(lanes)}
  let tileFirst = group * ${lanes * each}u;
  let tileEnd = min(tileFirst + ${lanes * each}u, ${count});
  ${before}
  for (var i = tileFirst + lane; i < tileEnd; i += ${lanes}u) { ${body} }
}`
