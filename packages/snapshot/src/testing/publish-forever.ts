/** Run as a process, to be killed: publishes snapshot after snapshot into the directory given, from the number given. */
import { publishSnapshot } from '../directory/publish-snapshot.ts'
import { snapshotSchema } from './snapshot-schema.ts'

const [directory, first] = process.argv.slice(2)
const matrix = { name: 'weight', rows: 300, cols: 100, data: new Float32Array(30_000).fill(0.5) }
for (let snapshot = Number(first); ; snapshot++) {
  await publishSnapshot(directory, snapshotSchema, [matrix], {
    snapshot,
    frame: 1,
    dataCutoffMs: 0,
    trainedRows: 0,
    config: {},
  })
  if (snapshot === Number(first)) console.log('published')
}
