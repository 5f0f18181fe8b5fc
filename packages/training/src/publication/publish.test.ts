/** Whole publications: trained, lined up, judged, written and served. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  bucketOf,
  compileFeatures,
  type FeatureSpace,
  type FieldValue,
  type LogEvent,
  type Schema,
  type SideBatch,
} from '@headwater/features'
import { LogDigest } from '@headwater/features/log-digest'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { loadUserTower, type ModelConfig } from '@headwater/runtime'
import * as reading from '@headwater/runtime/reading-version'
import {
  type NamedMatrix,
  readServedSnapshot,
  readSnapshot,
  SafetensorsError,
  SchemaChangeError,
  type Snapshot,
  servedHistory,
  servedSnapshot,
} from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultPublication, type PublicationOptions } from '../options/publication-options.ts'
import { defaultTraining } from '../options/training-options.ts'
import { RecurringTraining } from '../rounds/recurring-training.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { WarmStartError } from '../warm-start/warm-start-error.ts'
import { DivergedError } from './forward-figures.ts'

const schema: Schema = {
  version: 1,
  name: 'publication',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 's' },
  fields: [
    { name: 'kind', of: 'item', type: 'id', buckets: 8 },
    { name: 'tier', of: 'user', type: 'id', buckets: 8 },
    { name: 'click', of: 'outcome', type: 'float' },
  ],
  tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
  aggregations: [
    { name: 'user-mean', of: 'user', kind: 'mean', value: 'click', prior: 0.4 },
    { name: 'user-count', of: 'user', kind: 'count' },
  ],
  itemBuckets: 32,
}
const space = compileFeatures(schema)
const dim = 16
const startMs = 1_700_000_000_000
const userKey = (user: number) => `SECRET-KEY-${user}`

/** Of the log's first rows. */
function digestOf(rows: number): string {
  const digest = new LogDigest(schema)
  for (const event of events(0, rows)) digest.add(event)
  return digest.hex
}

/** A user of an even tier clicks four times in five, others once in five; a row a minute. `more` are values of further fields. */
function events(from: number, to: number, more: (row: number) => FieldValue[] = () => []): LogEvent[] {
  const random = seededRandom(1)
  return Array.from({ length: to }, (_, row) => {
    const [user, item] = [random.nextBelow(150), random.nextBelow(20)]
    const clicks = random.nextFloat() < (user % 2 === 0 ? 0.8 : 0.2) ? 1 : 0
    const values = [`k${item % 4}`, `t${user % 4}`, clicks, ...more(row)]
    return { row, user: userKey(user), item: `i${item}`, timeMs: startMs + row * 60_000, values }
  }).slice(from)
}

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'publication tests' })
})
afterAll(() => device.destroy())

function training(
  change: Partial<PublicationOptions> = {},
  more: { seed?: number; schema?: Schema; config?: ModelConfig } = {},
) {
  const of = more.schema ? compileFeatures(more.schema) : space
  return new RecurringTraining(device, of, join(temporaryDirectory(), 'examples'), {
    ...defaultTraining,
    config: more.config ?? tinyModel,
    seed: more.seed ?? 1,
    batchRows: 128,
    firstRates: { dense: 1e-2, tables: 0.1, weightDecay: 0.01 },
    roundRates: { dense: 1e-3, tables: 0.02, weightDecay: 0.01 },
    publication: { ...defaultPublication, panelUsers: 100, ...change },
  })
}

/** Published vectors [U, dim] of a snapshot for its own panel or another's. */
async function vectorsOf(directory: string, panelOf = directory): Promise<number[][]> {
  const tower = loadUserTower(device, await readSnapshot(directory))
  const { panel } = await readSnapshot(panelOf)
  const flat = await tower.encoder.encode(panel!)
  tower.dispose()
  return Array.from({ length: panel!.rows }, (_, u) => [...flat.subarray(u * dim, (u + 1) * dim)])
}

/** ‖new − old‖ ÷ ‖old − mean of old‖ */
function residual(before: number[][], after: number[][]): number {
  const mean = before[0].map((_, j) => before.reduce((sum, row) => sum + row[j], 0) / before.length)
  const square = (value: (u: number, j: number) => number) =>
    before.reduce((sum, row, u) => sum + row.reduce((part, _, j) => part + value(u, j) ** 2, 0), 0)
  return Math.sqrt(square((u, j) => after[u][j] - before[u][j]) / square((u, j) => before[u][j] - mean[j]))
}

describe('snapshots in a row', () => {
  const model = temporaryDirectory()
  const directories: string[] = []
  beforeAll(async () => {
    const one = training()
    for (const round of [0, 1, 2, 3]) {
      one.feed(events(round * 1500, (round + 1) * 1500))
      await one.round()
      directories.push((await one.publish(model)).directory)
    }
    one.dispose()
  })

  it('stay in one frame, each lined up with the one before and served', async () => {
    const alone = await readSnapshot(directories[0])
    expect(alone).toMatchObject({
      alignment: null,
      manifest: { parent: null, panel: null, frame: 1, forward: { rows: 150 }, verdict: { status: 'published' } },
    })
    for (const [i, directory] of directories.slice(1).entries()) {
      const { manifest, alignment } = await readSnapshot(directory)
      expect(manifest).toMatchObject({ snapshot: i + 2, parent: i + 1, frame: 1, alignment: 'procrustes' })
      expect(manifest.verdict).toEqual({
        status: 'published',
        reasons: [],
        notes: ['Predictions are not judged: 150 rows were held back, 200 are needed.'],
      })
      for (let a = 0; a < dim; a++)
        for (let b = 0; b < dim; b++) {
          let dot = 0
          for (let j = 0; j < dim; j++) dot += alignment!.weight[a * dim + j] * alignment!.weight[b * dim + j]
          expect(dot).toBeCloseTo(a === b ? 1 : 0, 5)
        }
      // the figures, from what the two directories hold
      const [before, after] = [await vectorsOf(directories[i], directory), await vectorsOf(directory)]
      expect(before).toHaveLength(100)
      expect(manifest.log).toEqual({ rows: (i + 2) * 1500, digest: digestOf((i + 2) * 1500) })
      expect(manifest.panel).toMatchObject({ users: 100 })
      expect(manifest.panel!.residual).toBeCloseTo(residual(before, after), 4)
      expect(manifest.panel!.residual).toBeLessThan(manifest.panel!.unalignedResidual)
    }
    expect((await servedHistory(model)).map(({ snapshot, by }) => [snapshot, by])).toEqual(
      [1, 2, 3, 4].map((n) => [n, 'gate']),
    )
  })

  it('know how both towers predict rows that neither was trained on', async () => {
    for (const [i, directory] of directories.entries()) {
      const [click] = (await readSnapshot(directory)).manifest.forward!.tasks
      // what somebody scores on these very rows who knows every user's probability
      const rows = events((i + 1) * 1500 - 150, (i + 1) * 1500)
      const positives = rows.filter(({ values }) => values[2] === 1).length
      const loss = rows.reduce((sum, { user, values }) => {
        const probability = Number(user.slice('SECRET-KEY-'.length)) % 2 === 0 ? 0.8 : 0.2
        return sum - Math.log(values[2] === 1 ? probability : 1 - probability)
      }, 0)
      const rate = positives / 150
      const known = loss / 150 / -(rate * Math.log(rate) + (1 - rate) * Math.log(1 - rate))
      expect(click.positives).toBe(positives)
      expect(Math.abs(click.ne! - known)).toBeLessThan(0.1)
      expect(Math.abs(click.calibration! - 1)).toBeLessThan(0.2)
      if (i === 0) continue
      expect(Math.abs(click.parentNe! - known)).toBeLessThan(0.1)
      expect(click.parentNe).not.toBe(click.ne)
    }
  })

  it('hold no key of a user, in any file', () => {
    for (const directory of directories)
      for (const name of readdirSync(directory)) {
        const file = readFileSync(join(directory, name))
        expect(file.includes('SECRET-KEY'), `${directory}/${name}`).toBe(false)
      }
  })
})

describe('a tower with a memory', () => {
  const remembering: Schema = { ...schema, sequence: { length: 8, value: 'click', buckets: 32 } }
  const config: ModelConfig = {
    ...tinyModel,
    user: {
      ...tinyModel.user,
      tokens: [...tinyModel.user.tokens, { kind: 'memory', decays: [0.05], width: 4, shared: true }],
    },
  }
  /** Of float64: what the memory's solution says of each item of the log, over users of a panel. */
  function scoresOf({ matrices }: Snapshot, { user }: FeatureSpace, panel: SideBatch): number[][] {
    const memory = config.user.tokens.find((own) => own.kind === 'memory')!
    return Array.from({ length: panel.rows }, (_, u) => {
      const [m] = reading.memoryOf(matrices, memory, reading.rowAt(user, panel, u))
      const table = matrices.get('item.item')!
      const vector = (item: number) => table.data.subarray(bucketOf('item', `i${item}`, 32) * 4)
      return Array.from({ length: 20 }, (_, item) =>
        m.slice(0, 4).reduce((sum, c, i) => sum + c * vector(item)[i], m[4]),
      )
    })
  }

  it('publishes item vectors in the frame of its embeddings, from another start too', async () => {
    const model = temporaryDirectory()
    const snapshots: Snapshot[] = []
    for (const seed of [1, 2]) {
      const one = training(
        { maxFrameResidual: 10, gate: { ...defaultPublication.gate, maxResidual: 10 } },
        { seed, schema: remembering, config },
      )
      one.feed(events(0, 1500))
      await one.round()
      snapshots.push(await readSnapshot((await one.publish(model)).directory))
      one.dispose()
    }
    const [first, second] = snapshots
    const layout = { learnt: 8, width: 4, heads: [{ coefficients: 8, intercept: 12 }] }
    expect(second.manifest).toMatchObject({ layout, frame: 1, parent: 1 })
    expect([first.manifest.items, first.items!.layout]).toEqual([null, layout])
    const { residual, unalignedResidual } = second.manifest.items!
    expect(residual).toBeLessThan(unalignedResidual)
    const items = Array.from({ length: 20 }, (_, item) => `i${item}`)
    for (const snapshot of snapshots) {
      const [vectors, q] = [await vectorsOf(snapshot.directory), snapshot.items!.read(items)]
      const expected = scoresOf(snapshot, compileFeatures(remembering), snapshot.panel!)
      for (const [u, vector] of vectors.entries())
        for (const [item, score] of expected[u].entries())
          expect(snapshot.items!.scores(vector, q.subarray(item * 4, item * 4 + 4))[0]).toBeCloseTo(score, 3)
    }
  })
})

describe('what is held back', () => {
  const flipped = (all: LogEvent[], from: number) =>
    all.map((event, i) =>
      i < from ? event : { ...event, values: event.values.map((value, v) => (v === 2 ? 1 - Number(value) : value)) },
    )

  it('is not trained on in its round, and is in the next', async () => {
    const rounds: NamedMatrix[][][] = []
    // the last tenth of 1,000 events has other labels; no earlier row sees them
    for (const first of [events(0, 1000), flipped(events(0, 1000), 900)]) {
      const one = training()
      one.feed(first)
      await one.round()
      const matrices = [await one.matrices()]
      await one.profileSteps(3)
      matrices.push(await one.matrices())
      one.feed(first.slice(-1).map((event) => ({ ...event, row: 1000, timeMs: event.timeMs + 60_000 })))
      expect((await one.round()).steps).toBe(Math.ceil((2 * 101) / 128))
      matrices.push(await one.matrices())
      rounds.push(matrices)
      one.dispose()
    }
    expect(rounds[1][0]).toEqual(rounds[0][0])
    expect(rounds[1][1]).toEqual(rounds[0][1])
    expect(rounds[1][2]).not.toEqual(rounds[0][2])
  })

  it('is at most so many rows', async () => {
    const one = training({ maxHeldBackRows: 30 })
    one.feed(events(0, 1000))
    await one.round()
    expect((await one.publish(temporaryDirectory())).manifest).toMatchObject({
      trainedRows: 970,
      forward: { rows: 30 },
    })
    one.dispose()
  })

  it('of one class leaves entropy out, of no news leaves everything as it was', async () => {
    const one = training()
    const model = temporaryDirectory()
    one.feed(events(0, 2000))
    await one.round()
    await one.publish(model)
    one.feed(events(2000, 4000).map((event) => ({ ...event, values: [...event.values.slice(0, 2), 0] })))
    await one.round()
    const { manifest } = await one.publish(model)
    expect(manifest.verdict.notes).toEqual(['Task click: normalized entropy is not judged, its rows have one class.'])
    expect((await one.round()).steps).toBe(0)
    const again = await one.publish(model)
    expect(again.manifest).toMatchObject({ snapshot: 3, frame: 1, forward: manifest.forward && { rows: 200 } })
    expect(again.manifest.panel!.residual).toBeLessThan(1e-5)
    one.dispose()
  })
})

describe('frames', () => {
  it('are kept without alignment too while vectors stay near, and the published ones are the own ones', async () => {
    const one = training({ alignment: 'none' })
    const model = temporaryDirectory()
    for (const round of [0, 1]) {
      one.feed(events(round * 1500, (round + 1) * 1500))
      await one.round()
      await one.publish(model)
    }
    const { manifest, alignment } = await readServedSnapshot(model)
    expect(manifest).toMatchObject({ snapshot: 2, frame: 1, alignment: 'none' })
    expect(manifest.panel!.residual).toBe(manifest.panel!.unalignedResidual)
    expect(alignment).toBeNull()
    one.dispose()
  })

  it('are new ones, named after the snapshot, beyond the bound', async () => {
    const one = training({ maxFrameResidual: 0 })
    const model = temporaryDirectory()
    const frames: number[] = []
    for (const round of [0, 1, 2]) {
      one.feed(events(round * 1000, (round + 1) * 1000))
      await one.round()
      frames.push((await one.publish(model)).manifest.frame)
    }
    expect(frames).toEqual([1, 2, 3])
    one.dispose()
  })

  it('of a tower trained from another start: held without alignment, lined up with it', async () => {
    const model = temporaryDirectory()
    const log = events(0, 4000)
    const lenient = { ...defaultPublication.gate, minRows: 1e9 }
    const publishFrom = async (seed: number, alignment: 'none' | 'procrustes') => {
      const one = training({ alignment, gate: lenient }, { seed })
      one.feed(log)
      await one.round()
      const { manifest } = await one.publish(model)
      one.dispose()
      return manifest
    }
    await publishFrom(1, 'none')
    const apart = await publishFrom(2, 'none')
    expect(apart).toMatchObject({ snapshot: 2, frame: 2, parent: 1, verdict: { status: 'held' } })
    expect(apart.verdict.reasons).toEqual([expect.stringMatching(/^Panel residual is /)])
    expect(await servedSnapshot(model)).toBe(1)
    // the held one is not what the next is compared with
    const near = await publishFrom(2, 'procrustes')
    expect(near).toMatchObject({ snapshot: 3, parent: 1 })
    expect(near.panel!.residual).toBeLessThan(near.panel!.unalignedResidual / 1.5)
  })
})

describe('a training that goes on from the served snapshot', () => {
  it('publishes its vectors anew, lined up with them, though the schema gained features', async () => {
    const model = temporaryDirectory()
    const one = training()
    one.feed(events(0, 1500))
    await one.round()
    await one.publish(model)
    one.dispose()

    const [kind, tier, click] = schema.fields
    const place = { name: 'place', of: 'user', type: 'id', buckets: 8 } as const
    const grown: Schema = { ...schema, fields: [kind, place, tier, click], calendar: ['hour'] }
    const withPlace = ({ values, row, ...event }: LogEvent): LogEvent => {
      return { ...event, row, values: [values[0], `p${row % 5}`, ...values.slice(1)] }
    }
    const more = training({}, { schema: grown, seed: 2 })
    more.warmStart(await readServedSnapshot(model))
    more.feed(events(1500, 3000).map(withPlace))
    const untrained = await more.publish(model)
    expect(untrained.manifest).toMatchObject({ snapshot: 2, parent: 1, frame: 1 })
    expect(untrained.manifest.panel!.unalignedResidual).toBeLessThan(1e-5)
    const { steps } = await more.round()
    expect(steps).toBe(Math.ceil(1350 / 128))
    const { manifest } = await more.publish(model)
    expect(manifest).toMatchObject({ snapshot: 3, parent: 2, frame: 1, trainedRows: 1350 })
    expect(manifest.panel!.unalignedResidual).toBeGreaterThan(1e-4)
    more.dispose()
  })

  it('begins before anything is fed', async () => {
    const model = temporaryDirectory()
    const one = training()
    one.feed(events(0, 300))
    await one.round()
    await one.publish(model)
    const served = await readServedSnapshot(model)
    expect(() => one.warmStart(served)).toThrow(WarmStartError)
    one.dispose()
  })
})

describe('what cannot be published', () => {
  it('weights that are not finite: nothing is written, the last good snapshot stays served', async () => {
    const one = training()
    const model = temporaryDirectory()
    one.feed(events(0, 1000))
    await one.round()
    await one.publish(model)
    const before = readdirSync(model)
    for (const [name, error] of [
      ['user.output.bias', DivergedError],
      ['mix.heads.bias', DivergedError],
    ] as const) {
      const good = await one.weights.read(name)
      one.weights.write(name, new Float32Array(good.length).fill(Number.NaN))
      await expect(one.publish(model), name).rejects.toThrow(error)
      expect(readdirSync(model)).toEqual(before)
      one.weights.write(name, good)
    }
    // a table row that no held-back row looks up shows when weights are written
    const table = await one.weights.read('user.tier')
    const [{ ids }] = (await readServedSnapshot(model)).panel!.bags
    const unused = [0, 1, 2, 3, 4, 5, 6, 7].find((row) => !ids.includes(row))! * 4
    one.weights.write(
      'user.tier',
      table.map((value, i) => (i === unused ? Number.POSITIVE_INFINITY : value)),
    )
    await expect(one.publish(model)).rejects.toThrow(SafetensorsError)
    expect(readdirSync(model)).toEqual(before)
    expect((await readServedSnapshot(model)).manifest.snapshot).toBe(1)
    one.dispose()
  })

  it('a schema that lost a feature; one that gained some is compared on what both know', async () => {
    const model = temporaryDirectory()
    const one = training()
    one.feed(events(0, 3000))
    await one.round()
    const first = await one.publish(model)
    one.dispose()

    const [kind, tier, click] = schema.fields
    const lost = training({}, { schema: { ...schema, fields: [kind, click] } })
    lost.feed(events(0, 1000).map((event) => ({ ...event, values: [event.values[0], event.values[2]] })))
    await lost.round()
    await expect(lost.publish(model)).rejects.toThrow(SchemaChangeError)
    await expect(lost.publish(model)).rejects.toThrow('field "tier": was removed')
    lost.dispose()

    const grown: Schema = {
      ...schema,
      fields: [
        kind,
        tier,
        click,
        { name: 'age', of: 'user', type: 'float' },
        { name: 'place', of: 'context', type: 'id', buckets: 8 },
      ],
      aggregations: [{ name: 'since', of: 'user', kind: 'since' }, ...schema.aggregations],
      calendar: ['hour'],
    }
    const more = training({}, { schema: grown })
    more.feed(events(0, 3000, (row) => [(row % 50) / 25 - 1, `p${row % 3}`]))
    await more.round()
    const { manifest } = await more.publish(model)
    expect(manifest).toMatchObject({ snapshot: 2, parent: 1, panel: { users: 100 } })
    // the old tower, asked about the same rows without the new features, predicts what it did
    expect(manifest.forward!.tasks[0].parentNe).toBeCloseTo(first.manifest.forward!.tasks[0].ne!, 6)
    more.dispose()
  })
})
