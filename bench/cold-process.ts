/**
 * Run by bench:cold in a process of its own: from its start to the first training step, and the same again; with the
 * argument `pipelines` each pipeline of the step is compiled alone before.
 */
import { openLog } from '@headwater/datasets'
import { compileFeatures } from '@headwater/features'
import { type Dispatch, Program, requestDevice } from '@headwater/gpu'
import { declareTower, Weights } from '@headwater/runtime'
import { allocateExamples, defaultTraining, initialize, TrainStep } from '@headwater/training'
import { coldTower } from './cold-tower.ts'

/** Of this process so far, in user and system mode, on all threads. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Of each pipeline of a program, compiled one after another, at dispatches of no workgroups. */
async function compileEach(dispatches: readonly Dispatch[]): Promise<object[]> {
  const figures: object[] = []
  for (const pipeline of new Set(dispatches.map(({ pipeline }) => pipeline))) {
    const users = dispatches.filter((dispatch) => dispatch.pipeline === pipeline)
    const program = new Program(device, [users[0]], 'one pipeline')
    const before = processorSeconds()
    await program.warm()
    const { kernel, tuning } = users[0]
    figures.push({ kernel, tuning, dispatches: users.length, processorSeconds: processorSeconds() - before })
    program.dispose()
  }
  return figures
}

const log = await openLog({ data: 'movietweetings' })
const space = compileFeatures(log.schema)
const { tasks } = space.schema
const startSeconds = processorSeconds()
const device = await requestDevice({ label: 'cold start' })
const tower = declareTower(space.user, space.item, tasks.length, coldTower)
const weights = new Weights(device, tower.set, true)
initialize(weights, 1)
const { batchRows, roundRates } = defaultTraining
const weightOf = tasks.map((task) => task.weight ?? 1)
const step = new TrainStep(device, tower, weights, batchRows, weightOf)
const pipelines = process.argv[2] === 'pipelines' ? await compileEach(step.plan.program.dispatches) : []
await step.run(allocateExamples(space, batchRows), 1, 1, roundRates)
await device.idle()
console.log(
  JSON.stringify({
    startSeconds,
    processorSeconds: processorSeconds(),
    wallSeconds: performance.now() / 1e3,
    pipelines,
  }),
)
device.destroy()
await log.close()
