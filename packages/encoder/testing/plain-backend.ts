/**
 * A backend for tests of what surrounds one: snapshots are read as always, but the vectors are sums that a test can make
 * itself, and a file beside a snapshot makes it misbehave.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { compileFeatures, type SideBatch } from '@headwater/features'
import { snapshotConfig } from '@headwater/runtime'
import { readSnapshot } from '@headwater/snapshot'
import type { EncoderBackend } from '../src/process/backend.ts'

export type Behaviour = 'crash-loading' | 'crash' | 'hang' | 'slow' | 'lost' | 'fail'

export const behaviourFile = (directory: string): string => `${directory}.behaviour`

/** There once it hangs. */
export const hangsFile = (directory: string): string => `${directory}.hangs`

/** How long a slow one takes. */
export const slowMs = 60

/** A row's vector: the snapshot's number, and behind it the sum of the row's dense values and sequence ids. */
export function plainVectors(snapshot: number, dim: number, { rows, dense, sequence }: SideBatch): Float32Array {
  const vectors = new Float32Array(rows * dim)
  for (let row = 0; row < rows; row++) {
    const of = (data: ArrayLike<number>) =>
      Array.from(data).slice((row * data.length) / rows, ((row + 1) * data.length) / rows)
    const sum = [...of(dense), ...of(sequence?.ids ?? [])].reduce((total, value) => total + value, 0)
    vectors.fill(sum, row * dim, (row + 1) * dim)
    vectors[row * dim] = snapshot
  }
  return vectors
}

function behaviourOf(directory: string): Behaviour | null {
  const file = behaviourFile(directory)
  return existsSync(file) ? (readFileSync(file, 'utf8') as Behaviour) : null
}

async function misbehave(directory: string): Promise<void> {
  const behaviour = behaviourOf(directory)
  if (behaviour === 'crash') process.kill(process.pid, 'SIGSEGV')
  if (behaviour === 'hang') {
    writeFileSync(hangsFile(directory), '')
    for (;;);
  }
  if (behaviour === 'slow') await new Promise((resolve) => setTimeout(resolve, slowMs))
  if (behaviour === 'lost') throw Object.assign(new Error('Device "test" was lost'), { code: 'device-lost' })
  if (behaviour === 'fail') throw new RangeError('the test says no')
}

export const backend: EncoderBackend = {
  async load(directory) {
    if (behaviourOf(directory) === 'crash-loading') process.kill(process.pid, 'SIGSEGV')
    const snapshot = await readSnapshot(directory)
    const { manifest, schema } = snapshot
    const { count, width } = snapshotConfig(snapshot).embeddings
    return {
      manifest,
      schema,
      layout: compileFeatures(schema).user,
      dim: count * width,
      encode: async (batch) => {
        await misbehave(directory)
        return plainVectors(manifest.snapshot, count * width, batch)
      },
      dispose: () => {},
    }
  },
}
