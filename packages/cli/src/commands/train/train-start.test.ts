/** What `headwater train` begins with: a preset or a config, new weights or a snapshot's; and what it refuses. */
import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { presets } from '@headwater/runtime'
import { decodeSafetensors, readSnapshot, servedSnapshot, snapshotDirectory } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeAll, describe, expect, test } from 'vitest'
import { clickSchema, clicks, writeClickLog } from '../../testing/click-log.ts'
import { headwaterIn } from '../../testing/headwater.ts'

const { small } = presets
const tiny = {
  ...small,
  user: {
    ...small.user,
    tokenWidth: 4,
    tokens: [{ kind: 'dense', tokens: 4 }, ...small.user.tokens.filter(({ kind }) => kind !== 'dense')],
    levels: [{ extractors: [{ kind: 'mlp', tokens: 2, hidden: 16 }], residual: true, dense: true }],
  },
  embeddings: { ...small.embeddings, width: 8 },
  mix: { width: 4, interaction: { kind: 'grouped', dots: 4 }, hidden: [8] },
}
const log = ['--data', 'clicks.csv', '--schema', 'schema.json', '--every', '8h', '--batch-rows', '128']

/** Runs the command as if `directory` were the user's. */
async function train(directory: string, ...args: string[]) {
  const { code, stdout, stderr } = await headwaterIn(directory, 'train', ...log, ...args)
  return { code, stdout, stderr: stderr.replace(/^Warning: max\w+ artificially reduced.*\n/gm, '') }
}

function home(rows = 600): string {
  const directory = temporaryDirectory()
  writeClickLog(directory, clicks(rows))
  writeFileSync(join(directory, 'tiny.json'), JSON.stringify(tiny))
  return directory
}

/** A model of two rounds, the second trained with the first as its teacher. */
const trained = home()
beforeAll(async () => {
  const args = ['--out', 'model', '--config', 'tiny.json', '--alignment', 'both', '--distillation-weight', '0.5']
  expect(await train(trained, ...args)).toMatchObject({ code: 0 })
})
const model = join(trained, 'model')

test('takes a config and a way to keep vectors in line, and the snapshots say so', async () => {
  const manifests = await Promise.all(
    [1, 2].map(async (n) => (await readSnapshot(snapshotDirectory(model, n))).manifest),
  )
  expect(manifests.map(({ config }) => config)).toEqual([tiny, tiny])
  expect(manifests.map(({ alignment }) => alignment)).toEqual(['none', 'both'])
})

test('begins with a snapshot, and needs no config then', async () => {
  const directory = home()
  const { code, stdout } = await train(directory, '--out', 'next', '--warm-start', model, '--rounds', '1')
  expect(code).toBe(0)
  // one pass over 432 rows, as in a round behind the first
  expect(stdout).toMatch(/^round 1, .*: 480 events, 4 steps, loss \d\.\d{4} nats; snapshot 1, /)
  const [before, after] = [
    await readSnapshot(snapshotDirectory(model, 2)),
    await readSnapshot(join(directory, 'next', 'snapshot-000001')),
  ]
  expect(after.manifest.config).toEqual(tiny)
  // rates of a later round: a weight moves by 5e-4 a step at most, and much less than new weights would be away
  const [a, b] = [before, after].map(({ matrices }) => matrices.get('user.output.weight')!.data)
  const apart = Math.max(...a.map((value, i) => Math.abs(value - b[i])))
  expect(apart).toBeGreaterThan(0)
  expect(apart).toBeLessThan(4e-3)
})

test('goes on in the directory of its own model, with a schema that gained a feature', async () => {
  const directory = home()
  cpSync(model, join(directory, 'model'), { recursive: true })
  const served = await servedSnapshot(model)
  const since = { name: 'user-since', of: 'user', kind: 'since' }
  const schema = { ...clickSchema, aggregations: [since, ...clickSchema.aggregations] }
  writeClickLog(directory, clicks(600), schema)
  const { code, stdout } = await train(directory, '--out', 'model', '--warm-start', 'model', '--rounds', '1')
  expect(code).toBe(0)
  expect(stdout).toMatch(/ snapshot 3, frame 1, published/)
  const { manifest } = await readSnapshot(join(directory, 'model', 'snapshot-000003'))
  expect(manifest).toMatchObject({ parent: served, alignment: 'procrustes', frame: 1 })
})

describe('a snapshot that cannot be begun with is named, and nothing is left behind', () => {
  /** The weights with another number in place of the first, and checksums that agree. */
  function poison(snapshot: string): void {
    const path = join(snapshot, 'weights.safetensors')
    const file = readFileSync(path)
    const headerBytes = Number(file.readBigUInt64LE(0))
    expect(decodeSafetensors(file, path).size).toBeGreaterThan(5)
    file.writeFloatLE(Number.NaN, 8 + headerBytes)
    writeFileSync(path, file)
    const sums = join(snapshot, 'SHA256SUMS')
    const sum = createHash('sha256').update(file).digest('hex')
    writeFileSync(sums, readFileSync(sums, 'utf8').replace(/^\w+( +weights\.safetensors)$/m, `${sum}$1`))
  }
  const newer = (path: string) => {
    const file = join(path, 'manifest.json')
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), format: 99 }))
  }
  const flipped = (path: string) => {
    const file = join(path, 'weights.safetensors')
    const bytes = readFileSync(file)
    bytes[bytes.length - 3] ^= 1
    writeFileSync(file, bytes)
  }
  const other = { ...clickSchema, fields: [clickSchema.fields[1]] }

  test.each<[string, (snapshot: string, directory: string) => void, string[], RegExp]>([
    [
      'cut short',
      (path) => truncateSync(join(path, 'weights.safetensors'), 999),
      [],
      /checksum of weights\.safetensors/,
    ],
    ['a flipped byte', flipped, [], /checksum of weights\.safetensors does not match/],
    ['a newer format', newer, [], /has format 99, this version reads \d+; use the version/],
    ['a weight that is no number', poison, [], /weights\.safetensors.*(NaN|finite)/],
    ['another config', () => {}, ['--preset', 'small'], /another config, .* was .* and is .*\./],
    [
      'a schema that lost a feature',
      (_, directory) => writeClickLog(directory, clicks(600), other),
      [],
      /Schema change, field "price": was removed\./,
    ],
  ])('%s', async (_, spoil, args, message) => {
    const directory = home()
    cpSync(model, join(directory, 'old'), { recursive: true })
    const served = join(directory, 'old', `snapshot-00000${await servedSnapshot(model)}`)
    spoil(served, directory)
    const before = readdirSync(directory, { recursive: true })
    // Of a model, the one that it serves; and the snapshot itself.
    for (const path of ['old', served]) {
      const { code, stdout, stderr } = await train(directory, '--out', 'next', '--warm-start', path, ...args)
      expect(code).toBe(1)
      expect(stdout).toBe('')
      expect(stderr).toMatch(/^headwater: /m)
      expect(stderr).toMatch(message)
      expect(stderr).not.toMatch(/bug of Headwater/)
    }
    expect(readdirSync(directory, { recursive: true }).filter((name) => !`${name}`.startsWith('next'))).toEqual(before)
  })

  test('one that is not there', async () => {
    const directory = home()
    const { code, stderr } = await train(directory, '--out', 'next', '--warm-start', 'nowhere')
    expect(code).toBe(1)
    expect(stderr).toMatch(/nowhere has no snapshot that is served/)
  })
})

describe('a config that cannot be used', () => {
  const extractors = [{ kind: 'compression', tokens: 1, columns: 8, hidden: 8 }]
  const spoilt = (change: object) => JSON.stringify({ ...tiny, ...change })

  test.each<[string, string, RegExp]>([
    ['no JSON', '{', /--config: \S+tiny\.json is no JSON: /],
    ['a size that cannot be', spoilt({ dropout: 2 }), /tiny\.json: dropout: is 2; give a number from 0\.001 to 0\.95/],
    [
      'sizes that do not fit each other',
      spoilt({ mix: { ...tiny.mix, interaction: { kind: 'grouped', dots: 3 } } }),
      /tiny\.json: mix\.interaction\.dots: 3 slices do not divide 2 × 8 numbers/,
    ],
    [
      'sizes that do not fit the features',
      spoilt({ user: { ...tiny.user, levels: [{ ...tiny.user.levels[0], extractors }] } }),
      /user\.levels\[0\]\.extractors\[0\]\.columns: 8 weighted sums of 4 tokens compress nothing;/,
    ],
    ['a missing key', spoilt({ embeddings: { count: 2 } }), /tiny\.json: embeddings\.width: is missing; /],
  ])('%s', async (_, text, message) => {
    const directory = home()
    writeFileSync(join(directory, 'tiny.json'), text)
    const { code, stdout, stderr } = await train(directory, '--out', 'next', '--config', 'tiny.json')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^headwater: /m)
    expect(stderr).toMatch(message)
  })

  test('a table larger than memory: the numbers are told', async () => {
    const directory = home()
    writeClickLog(directory, clicks(600), { ...clickSchema, itemBuckets: 2 ** 24 })
    writeFileSync(join(directory, 'tiny.json'), spoilt({ mix: { ...tiny.mix, width: 1024 } }))
    const { code, stderr } = await train(directory, '--out', 'next', '--config', 'tiny.json')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^headwater: Table item\.item: 16777216 rows of 4096 bytes are 68719476736 bytes, /m)
    expect(stderr).not.toMatch(/bug of Headwater/)
  })

  test.each([
    [['--preset', 'base', '--config', 'tiny.json'], /--config .*cannot be used with .*--preset/],
    [['--alignment', 'affine'], /--alignment .*Allowed choices are procrustes, distillation, both, none/],
    [['--distillation-weight', 'much'], /--distillation-weight .*Give a number from 0/],
    [['--batch-rows', '0'], /--batch-rows .*Give a whole number from 1/],
  ])('%j', async (args, message) => {
    const { code, stderr } = await train(home(), '--out', 'next', ...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
  })
})
