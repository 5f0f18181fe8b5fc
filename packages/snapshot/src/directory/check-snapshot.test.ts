import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileFeatures } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'
import { randomBatch, temporaryDirectory } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { SnapshotError } from '../files/snapshot-error.ts'
import { snapshotSchema } from '../testing/snapshot-schema.ts'
import { checkSnapshot } from './check-snapshot.ts'
import { publishSnapshot } from './publish-snapshot.ts'

/** Larger than a piece, so that the last one is in a piece of its own. */
const weight = { name: 'weight', rows: 300, cols: 257, data: Float32Array.from({ length: 300 * 257 }, (_, i) => i) }
const panel = randomBatch(compileFeatures(snapshotSchema).user, 7, seededRandom(4))
const alignment = { dim: 2, weight: Float32Array.of(0, 1, -1, 0), bias: Float32Array.of(0.5, -0.25) }
const about = { snapshot: 1, frame: 1, dataCutoffMs: 0, trainedRows: 0, config: {} }
const publish = () =>
  publishSnapshot(temporaryDirectory(), snapshotSchema, [weight], about, { alignment, panel, panelUsers: null })

it('finds a whole snapshot whole, and every file that was changed, cut short, lengthened or taken away', async () => {
  const directory = await publish()
  await checkSnapshot(directory)
  const names = readdirSync(directory)
  expect(names).toHaveLength(6)
  for (const name of names) {
    const path = join(directory, name)
    const whole = readFileSync(path)
    const changed = Uint8Array.from(whole)
    changed[changed.length - 2] ^= 1
    for (const bytes of [changed, whole.subarray(0, -1)]) {
      writeFileSync(path, bytes)
      await expect(checkSnapshot(directory), name).rejects.toThrow(SnapshotError)
    }
    writeFileSync(path, whole)
    appendFileSync(path, 'x')
    await expect(checkSnapshot(directory), name).rejects.toThrow(SnapshotError)
    rmSync(path)
    await expect(checkSnapshot(directory), name).rejects.toThrow(SnapshotError)
    writeFileSync(path, whole)
    await checkSnapshot(directory)
  }
})
