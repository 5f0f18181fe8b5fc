/** Run by bench:kernels in a process of its own: the first embedding and the first training step of the small tower. */
import { openLog } from '@headwater/datasets'
import { compileFeatures } from '@headwater/features'
import { requestDevice } from '@headwater/gpu'
import { declareTower, presets, UserEncoder, Weights } from '@headwater/runtime'
import { allocateExamples, defaultTraining, initialize, TrainStep } from '@headwater/training'

const log = await openLog({ data: 'movietweetings' })
const space = compileFeatures(log.schema)
const { tasks } = space.schema
const startMs = performance.now()
const device = await requestDevice({ label: 'cold start' })
const tower = declareTower(space.user, space.item, tasks.length, presets.small)
const weights = new Weights(device, tower.set, true)
initialize(weights, 1)

const encoder = new UserEncoder(device, { tower: tower.user, weights })
const embedding = await encoder.encode(space.allocate('user', 1))
const embeddedMs = performance.now()
if (!embedding.every(Number.isFinite)) throw new Error('The first embedding is not finite.')

const { batchRows, roundRates } = defaultTraining
const weightOf = tasks.map((task) => task.weight ?? 1)
const step = new TrainStep(device, tower, weights, batchRows, weightOf)
await step.run(allocateExamples(space, batchRows), 1, 1, roundRates)
await device.idle()
const trainedMs = performance.now()
console.log(JSON.stringify({ encodeMs: embeddedMs - startMs, trainMs: trainedMs - embeddedMs, processMs: embeddedMs }))
device.destroy()
await log.close()
