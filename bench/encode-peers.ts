/**
 * Encoding users: ours against onnxruntime on the model that we export, from arrays in memory to arrays in memory. On
 * onnxruntime-web's WebGPU provider, on the same adapter; and on onnxruntime-node's CPU provider, which is what pooling
 * should use where there is no GPU. All take turns, and all have to give the same vectors.
 */
import { batchRows, type FeatureSpace } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { exportUserTower, inputArrays } from '@headwater/onnx'
import { type PresetName, presets, UserEncoder } from '@headwater/runtime'
import { type Spread, spread } from './report.ts'
import type { SteppedTower } from './training-step.ts'

/** An onnxruntime: both packages share this much. */
export interface Onnxruntime {
  readonly Tensor: new (type: 'float32' | 'int32', data: Float32Array | Int32Array, dims: readonly number[]) => object
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: { readonly executionProviders: readonly string[] },
    ): Promise<{
      run(feeds: { readonly [name: string]: object }): Promise<{ readonly [name: string]: { readonly data: unknown } }>
      release(): Promise<void>
    }>
  }
}

export interface EncodePeer {
  readonly name: string
  readonly library: Onnxruntime
  readonly provider: string
}

export interface EncodeFigures {
  readonly preset: PresetName
  readonly rows: number
  /** Milliseconds of a call. */
  readonly ours: Spread
  /** By peer: milliseconds of a call, theirs ÷ ours, and the largest difference of a vector's number. */
  readonly peers: {
    readonly [name: string]: { readonly ms: Spread; readonly ratio: number; readonly distance: number }
  }
  /** Peers that could not run the model. */
  readonly failures: readonly string[]
}

const rounds = 15
const tolerance = 1e-3

/** The tower's snapshot, as far as an export looks at it. */
async function snapshotOf(space: FeatureSpace, { weights, preset }: SteppedTower) {
  const matrices = new Map<string, { name: string; rows: number; cols: number; data: Float32Array }>()
  for (const { name, rows, cols } of weights.set.entries())
    matrices.set(name, { name, rows, cols, data: await weights.read(name) })
  const manifest = { snapshot: 1, frame: 1, config: presets[preset] }
  return { directory: preset, manifest, schema: space.schema, matrices, alignment: null, panel: null }
}

export async function compareEncoding(
  device: GpuDevice,
  space: FeatureSpace,
  stepped: SteppedTower,
  peers: readonly EncodePeer[],
  rowCounts: readonly number[],
): Promise<EncodeFigures[]> {
  const encoder = new UserEncoder(device, { tower: stepped.tower.user, weights: stepped.weights })
  const model = exportUserTower((await snapshotOf(space, stepped)) as unknown as Parameters<typeof exportUserTower>[0])
  const figures: EncodeFigures[] = []
  for (const rows of rowCounts) {
    const batch = batchRows(space.user, stepped.batches[0].user, 0, rows)
    const expected = await encoder.encode(batch)
    const failures: string[] = []
    const entries: { name: string; run: () => Promise<unknown>; times: number[]; distance: number }[] = []
    entries.push({ name: 'headwater', run: () => encoder.encode(batch), times: [], distance: 0 })
    const sessions: { release(): Promise<void> }[] = []
    for (const { name, library, provider } of peers)
      try {
        const session = await library.InferenceSession.create(model, { executionProviders: [provider] })
        sessions.push(session)
        const run = async () => {
          const feeds = Object.fromEntries(
            [...inputArrays(space.user, batch)].map(([input, { type, data, dims }]) => [
              input,
              new library.Tensor(type, data, dims),
            ]),
          )
          return (await session.run(feeds)).embeddings.data as Float32Array
        }
        const got = await run()
        const distance = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i])), 0)
        if (!(distance < tolerance)) throw new Error(`its vectors differ from ours by up to ${distance}`)
        entries.push({ name, run, times: [], distance })
      } catch (cause) {
        failures.push(`${name}, ${stepped.preset}, ${rows} rows: ${cause instanceof Error ? cause.message : cause}`)
      }
    for (const { run } of entries) for (let i = 0; i < 2; i++) await run()
    for (let round = 0; round < rounds; round++)
      for (const { run, times } of entries) {
        const startMs = performance.now()
        await run()
        times.push(performance.now() - startMs)
      }
    for (const session of sessions) await session.release()
    const [ours, ...others] = entries
    figures.push({
      preset: stepped.preset,
      rows,
      ours: spread(ours.times),
      peers: Object.fromEntries(
        others.map(({ name, times, distance }) => [
          name,
          { ms: spread(times), ratio: spread(times.map((ms, i) => ms / ours.times[i])).median, distance },
        ]),
      ),
      failures,
    })
  }
  encoder.dispose()
  return figures
}
