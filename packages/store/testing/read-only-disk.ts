/** What comes of a store on a disk that cannot be written: `node read-only-disk.ts DIRECTORY`. */
import { openStore } from '../src/index.ts'

const [directory] = process.argv.slice(2)
const store = await openStore(`lmdb:${directory}?readonly`)
const { records, faults } = await store.check()
await store.close()
const error = await openStore(`lmdb:${directory}`).then(
  () => null,
  ({ name }: Error) => name,
)
console.log(JSON.stringify({ records, faults: faults.length, error }))
