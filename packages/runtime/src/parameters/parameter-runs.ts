/**
 * Where dense parameters lie: one after the other in runs of at most what one binding may be, each from a multiple of 256
 * bytes, where bindings may begin. Those that decay come first. A small model is one run, and optimizers go over it in one
 * dispatch.
 */
import { type BindingLimits, padded } from '@headwater/kernels'
import type { Allocation } from '../plan/allocation.ts'
import type { Tensor } from '../plan/tensor.ts'
import type { Parameter } from './parameter-set.ts'

/** A parameter is larger than one binding may be. */
export class ParameterSizeError extends Error {
  override readonly name = 'ParameterSizeError'
}

/** Parameters side by side, as optimizers see them: each tensor is [1, floats], and what lies between parameters is zero. */
export interface ParameterRun {
  readonly floats: number
  /** The first of them, that decay. */
  readonly decayedFloats: number
  readonly values: Tensor
  /** The three are there in training only. */
  readonly gradient: Tensor | null
  readonly first: Tensor | null
  readonly second: Tensor | null
}

export interface ParameterPlace {
  /** Index of its run. */
  readonly run: number
  readonly offsetBytes: number
}

export interface RunSizes {
  floats: number
  decayedFloats: number
}

const alignmentBytes = 256

/** @throws ParameterSizeError */
export function placeParameters(
  parameters: readonly Parameter[],
  limits: Pick<BindingLimits, 'maxBufferSize' | 'maxStorageBufferBindingSize'>,
): { readonly runs: readonly RunSizes[]; readonly places: ReadonlyMap<Parameter, ParameterPlace> } {
  const mostBytes = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize)
  const runs: RunSizes[] = []
  const places = new Map<Parameter, ParameterPlace>()
  for (const parameter of [...parameters.filter((p) => p.decay), ...parameters.filter((p) => !p.decay)]) {
    const { name, rows, cols, decay } = parameter
    const sizeBytes = rows * padded(cols) * 4
    if (sizeBytes > mostBytes)
      throw new ParameterSizeError(
        `Parameter ${name}: ${rows} × ${cols} values are ${sizeBytes} bytes, over the ${mostBytes} that one binding of the device may have (maxStorageBufferBindingSize). Give the layer smaller sizes.`,
      )
    const last = runs.at(-1)
    if (!last || last.floats * 4 + sizeBytes > mostBytes) runs.push({ floats: 0, decayedFloats: 0 })
    const run = runs[runs.length - 1]
    places.set(parameter, { run: runs.length - 1, offsetBytes: run.floats * 4 })
    // The gap behind the last one may be over the limit; then it is left out.
    const aligned = (Math.ceil(sizeBytes / alignmentBytes) * alignmentBytes) / 4
    run.floats = Math.min(run.floats + aligned, Math.floor(mostBytes / 16) * 4)
    if (decay) run.decayedFloats = run.floats
  }
  return { runs, places }
}

export function allocateRuns(allocation: Allocation, runs: readonly RunSizes[], training: boolean): ParameterRun[] {
  return runs.map(({ floats, decayedFloats }, i) => {
    const own = (label: string) => allocation.tensor(runs.length === 1 ? label : `${label} ${i + 1}`, 1, floats)
    return {
      floats,
      decayedFloats,
      values: own('parameters'),
      gradient: training ? own('parameter gradients') : null,
      first: training ? own('first moments') : null,
      second: training ? own('second moments') : null,
    }
  })
}
