/**
 * Run as a process, to be killed: goes through three days of a small log in rounds, resuming from the directory given, and
 * prints a line a step. Its model is tiny unless a preset is named behind the directory. At its end it prints a digest of weights, optimizer state and snapshots.
 */
import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openSyntheticLog, smallSetting } from '@headwater/datasets'
import { compileFeatures, type Schema } from '@headwater/features'
import { requestDevice } from '@headwater/gpu'
import { presets } from '@headwater/runtime'
import { listSnapshots } from '@headwater/snapshot'
import { Checkpoints } from '../checkpoint/checkpoints.ts'
import { StagedBuffers } from '../checkpoint/staged-buffers.ts'
import { defaultTraining } from '../options/training-options.ts'
import { RecurringTraining } from '../rounds/recurring-training.ts'
import { roundsByTime } from '../rounds/rounds.ts'
import { trainInRounds } from '../rounds/training-run.ts'
import { tinyModel } from './tiny-model.ts'

const [directory, preset = 'tiny'] = process.argv.slice(2)
const setting = { ...smallSetting, users: 80, ads: 20, topics: 4, days: 3, impressionsPerDay: 450 }
const say = (line: string) => process.stdout.write(`${line}\n`)

const device = await requestDevice({ label: 'to be killed' })
const log = openSyntheticLog({ setting })
const examples = join(directory, 'examples')
for (const path of [examples, `${examples}.sequences`]) rmSync(path, { force: true })
// A second task whose labels come late, and a teacher: both have a state of their own.
const { schema: before, timeRange } = log
const schema: Schema = {
  ...before,
  fields: [...before.fields, { name: 'buy', of: 'outcome', type: 'float' }],
  tasks: [...before.tasks, { name: 'buy', field: 'buy', atLeast: 1, delayDays: 0.4 }],
}
async function* events() {
  for await (const chunk of log.events())
    yield chunk.map((event) => ({ ...event, values: [...event.values, event.row % 3 === 0 ? 1 : 0] }))
}
const training = new RecurringTraining(device, compileFeatures(schema), examples, {
  ...defaultTraining,
  config: preset === 'tiny' ? tinyModel : presets[preset as keyof typeof presets],
  seed: 1,
  batchRows: 64,
  roundRates: { dense: 2e-3, tables: 0.05, weightDecay: 0.01 },
  schedule: { warmUpSteps: 5, decay: 'cosine', finalShare: 0.1 },
  maxNorm: 0.05,
  publication: { ...defaultTraining.publication, alignment: 'both' },
})
const checkpoints = await Checkpoints.open({
  device,
  directory: join(directory, 'checkpoints'),
  settings: training.settings,
  onWarning: (message) => say(`warning ${message}`),
})
await trainInRounds({
  training,
  modelDirectory: directory,
  rounds: roundsByTime({ timeRange, events }, 86_400_000),
  maxRounds: 3,
  checkpoints,
  checkpointEverySteps: 4,
  resumeFrom: await checkpoints.newest(),
  reporter: {
    feed: () => {},
    fed: () => {},
    train: () => {},
    trained: (steps) => say(`step ${steps}`),
    published: ({ round, summary }) => say(`published ${round} ${JSON.stringify(summary)}`),
    warning: (message) => say(`warning ${message}`),
  },
})

const digest = createHash('sha256')
const staged = new StagedBuffers(device, training.capture().buffers)
for await (const chunk of staged.chunks()) digest.update(chunk)
staged.release()
for (const snapshot of await listSnapshots(directory))
  for (const name of ['weights', 'panel']) digest.update(readFileSync(join(snapshot, `${name}.safetensors`)))
say(`digest ${digest.digest('hex')}`)
training.dispose()
await log.close()
device.destroy()
