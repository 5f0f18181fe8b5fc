/** Imported by the encoder's process: towers in ONNX Runtime on the CPU, for machines without a GPU. */
import { availableParallelism } from 'node:os'
import type { EncoderBackend } from '@headwater/encoder'
import { compileFeatures } from '@headwater/features'
import { exportUserTower, inputArrays } from '@headwater/onnx'
import { snapshotConfig } from '@headwater/runtime'
import { readSnapshot } from '@headwater/snapshot'
import { InferenceSession, Tensor } from 'onnxruntime-node'

const options = {
  intraOpNumThreads: availableParallelism(),
  // Threads that wait by spinning would take processor time from the threads that answer reads.
  extra: { session: { intra_op: { allow_spinning: '0' } } },
}

export const backend: EncoderBackend = {
  async load(directory) {
    const snapshot = await readSnapshot(directory)
    const { manifest, schema } = snapshot
    const { count, width } = snapshotConfig(snapshot).embeddings
    const space = compileFeatures(schema)
    const session = await InferenceSession.create(exportUserTower(snapshot), options)
    const encode: Awaited<ReturnType<EncoderBackend['load']>>['encode'] = async (batch) => {
      const inputs = [...inputArrays(space.user, batch)].map(
        ([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)] as const,
      )
      const { embeddings } = await session.run(Object.fromEntries(inputs))
      return embeddings.data as Float32Array
    }
    await encode(space.allocate('user', 1))
    const dispose = () => session.release()
    return { manifest, schema, layout: space.user, dim: count * width, encode, dispose }
  },
}
