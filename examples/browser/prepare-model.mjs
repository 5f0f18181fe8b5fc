/**
 * Writes what the page loads before it is ready into public/model: a snapshot without its panel, the same towers as ONNX for browsers
 * without WebGPU, and the catalogue: every item of a log with its fields and its state, which is what the server knows of it.
 *
 *     node prepare-model.mjs --model OUT/seed-1/snapshots --data LOG [--to public/model]
 */
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openLog } from '@headwater/datasets'
import { compileFeatures, Replay } from '@headwater/features'
import { exportMixTower, exportUserTower } from '@headwater/onnx'
import { readSnapshot, servedSnapshotDirectory } from '@headwater/snapshot'

const options = { model: { type: 'string' }, data: { type: 'string' }, to: { type: 'string', default: 'public/model' } }
const { model, data, to } = parseArgs({ options }).values
if (!model || !data) {
  process.stderr.write(
    'Name the snapshots of `headwater run --out out` and its log: --model out/seed-1/snapshots --data log.csv\n',
  )
  process.exit(2)
}

const directory = await servedSnapshotDirectory(model)
const snapshot = await readSnapshot(directory)
await rm(to, { recursive: true, force: true })
await mkdir(join(to, 'snapshot'), { recursive: true })
// Rows of users are no page's business.
const files = (await readdir(directory)).filter((name) => !name.startsWith('panel'))
for (const name of files) await copyFile(join(directory, name), join(to, 'snapshot', name))
await writeFile(join(to, 'user.onnx'), exportUserTower(snapshot))
await writeFile(join(to, 'mix.onnx'), exportMixTower(snapshot))

const { schema } = snapshot
const replay = new Replay(compileFeatures(schema))
/** The newest values of each item's own fields, by its key. */
const items = new Map()
const log = await openLog({ data, schema, oneClass: true })
for await (const events of log.events()) {
  replay.ingest(events)
  for (const { item, values } of events)
    items.set(
      item,
      Object.fromEntries(schema.fields.flatMap(({ name, of }, i) => (of === 'item' ? [[name, values[i]]] : []))),
    )
}
await log.close()
const ids = [...items.keys()].sort()
await writeFile(join(to, 'catalogue.json'), JSON.stringify(ids.map((id) => ({ id, values: items.get(id) }))))
await writeFile(join(to, 'item-states.bin'), Buffer.concat(ids.map((id) => replay.itemState(id))))
process.stdout.write(`Snapshot ${snapshot.manifest.snapshot} and ${ids.length} items are in ${to}\n`)
