/** A checkpoint that the version before lists of tokens and extractors wrote, with a mixer whose bias had no effect. */
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSyntheticLog, smallSetting } from '@headwater/datasets'
import { compileFeatures } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import type { ModelConfig } from '@headwater/runtime'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { defaultTraining } from '../options/training-options.ts'
import { RecurringTraining } from '../rounds/recurring-training.ts'
import { roundsByTime } from '../rounds/rounds.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { Checkpoints } from './checkpoints.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'older checkpoint tests' })
})
afterAll(() => device.destroy())

const stored = join(import.meta.dirname, '../testing/old-form')
const setting = { ...smallSetting, users: 40, ads: 10, topics: 3, days: 2, impressionsPerDay: 200 }
const config: ModelConfig = {
  ...tinyModel,
  embeddings: { count: 2, width: 8, norm: { kind: 'layer' } },
  user: {
    ...tinyModel.user,
    levels: [
      {
        extractors: [
          { kind: 'mlp', tokens: 1, hidden: 16 },
          { kind: 'mixer', tokens: 1, tokenHidden: 3, channelHidden: 4 },
        ],
        norm: 'layer',
        residual: true,
        dense: true,
      },
    ],
  },
}

it('is gone on from, every number in its place', async () => {
  const directory = join(temporaryDirectory(), 'checkpoints')
  mkdirSync(directory)
  cpSync(join(stored, 'checkpoint-000002.bin'), join(directory, 'checkpoint-000002.bin'))
  const log = openSyntheticLog({ setting })
  const training = new RecurringTraining(device, compileFeatures(log.schema), join(directory, 'examples'), {
    ...defaultTraining,
    config,
    seed: 1,
    batchRows: 64,
    firstEpochs: 1,
    roundRates: { ...defaultTraining.roundRates, dense: 1e-4 },
    publication: { ...defaultTraining.publication, panelUsers: 8 },
  })
  const warnings: string[] = []
  const checkpoints = await Checkpoints.open({
    device,
    directory,
    settings: training.settings,
    onWarning: (message) => warnings.push(message),
  })
  const checkpoint = (await checkpoints.newest())!
  const rounds = roundsByTime(log, 86_400_000)[Symbol.asyncIterator]()
  const feedRound = async () => {
    for await (const group of (await rounds.next()).value.groups) training.feed(group)
  }
  await feedRound()
  await training.restore(checkpoint)
  await checkpoint.close()
  expect(warnings).toEqual([])

  const digests: Record<string, string> = JSON.parse(readFileSync(join(stored, 'weights.json'), 'utf8'))
  const { 'user.level1.mixer.token-output.bias': idle, ...wanted } = digests
  expect(idle).toBeDefined()
  const got = (await training.matrices()).map(({ name, data }) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    return [name, createHash('sha256').update(bytes).digest('hex').slice(0, 16)]
  })
  expect(Object.fromEntries(got)).toEqual(wanted)
  await feedRound()
  expect(await training.round()).toMatchObject({ skipped: 0, loss: expect.closeTo(0.6, 0) })
  training.dispose()
  await log.close()
})
