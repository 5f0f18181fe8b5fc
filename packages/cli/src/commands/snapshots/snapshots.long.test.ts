/** `headwater snapshots` as a user calls it, on a model of four snapshots of which the third is held. */
import { appendFileSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { compileFeatures } from '@headwater/features'
import { requestDevice } from '@headwater/gpu'
import { presets } from '@headwater/runtime'
import { readSnapshot, snapshotDirectory } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { defaultTraining, RecurringTraining } from '@headwater/training'
import { beforeAll, describe, expect, test } from 'vitest'
import { Child, launcher } from '../../testing/child.ts'
import { clickSchema, clicks } from '../../testing/click-log.ts'

const home = temporaryDirectory()
const model = join(home, 'model')

/** Four rounds on a log of clicks; the third is judged by a gate that lets nothing pass. */
async function trainModel(): Promise<void> {
  const device = await requestDevice()
  const events = clicks(2400).map(({ user, item, time, price, click }, row) => ({
    row,
    user,
    item,
    timeMs: 1000 * Number(time),
    values: [Number(price), Number(click)],
  }))
  const { publication } = defaultTraining
  const { small } = presets
  const strict = { ...publication, gate: { ...publication.gate, maxResidual: 0 } }
  // Another model, trained from new weights: its vectors are far from those before.
  const loose = { ...publication, gate: { ...publication.gate, maxResidual: 1e9 } }
  for (const [round, options] of [publication, publication, strict, loose].entries()) {
    const training = new RecurringTraining(device, compileFeatures(clickSchema), join(home, 'examples'), {
      ...defaultTraining,
      config: {
        ...small,
        user: {
          ...small.user,
          tokens: [{ kind: 'dense', tokens: 1 }, ...small.user.tokens.filter(({ kind }) => kind !== 'dense')],
          levels: [
            {
              extractors: [{ kind: 'mlp', tokens: 1, hidden: 12 + (round === 3 ? 4 : 0) }],
              residual: true,
              dense: true,
            },
          ],
        },
        embeddings: { ...small.embeddings, width: 8 },
        mix: { ...small.mix, interaction: { kind: 'grouped', dots: 2 }, hidden: [8] },
      },
      seed: 1,
      batchRows: 128,
      publication: { ...options, gate: { ...options.gate, minRows: 1e9 } },
    })
    training.feed(events.slice(0, 600 * (round + 1)))
    await training.round()
    await training.publish(model)
    training.dispose()
  }
  device.destroy()
}

/** Runs the command to its end; what it wrote as JSON, where asked to. */
async function snapshots(...args: string[]) {
  const child = new Child(launcher, ['snapshots', ...args], home)
  const code = await child.exited
  return { code, stdout: child.stdout, stderr: child.stderr }
}

async function succeeds(...args: string[]) {
  const { code, stdout, stderr } = await snapshots(...args, '--json', 'out.json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const json = JSON.parse(readFileSync(join(home, 'out.json'), 'utf8'))
  rmSync(join(home, 'out.json'))
  return { stdout, json }
}

async function fails(...args: string[]): Promise<string> {
  const before = readdirSync(home, { recursive: true })
  const { code, stdout, stderr } = await snapshots(...args)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^headwater: .*\n$/)
  expect(readdirSync(home, { recursive: true })).toEqual(before)
  return stderr
}

const served = async () => (await succeeds('list', 'model')).json.current as number

beforeAll(trainModel)

test('list has a line for each snapshot and an arrow at the one that is served', async () => {
  const { stdout, json } = await succeeds('list', 'model')
  const lines = stdout.trimEnd().split('\n')
  expect(lines[0].trim().split(/ {2,}/)).toEqual([
    'snapshot',
    'frame',
    'made',
    'rows',
    'NE',
    'NE before',
    'residual',
    'verdict',
  ])
  expect(lines.slice(1).map((line) => [line[0], line.trim().split(/ +/).at(-1)])).toEqual([
    [' ', 'published'],
    [' ', 'published'],
    [' ', 'held'],
    ['→', 'published'],
  ])
  expect(json.current).toBe(4)
  for (const [i, { snapshot, current, manifest, damage }] of json.snapshots.entries()) {
    expect([snapshot, current, damage]).toEqual([i + 1, i === 3, null])
    expect(manifest).toEqual((await readSnapshot(snapshotDirectory(model, snapshot))).manifest)
    const line = lines[i + 1]
    expect(line).toContain(` ${manifest.forward.tasks[0].ne.toFixed(4)} `)
    if (i > 0) expect(line).toContain(` ${manifest.panel.residual.toFixed(4)} `)
  }
})

test('show tells everything about one', async () => {
  const { stdout, json } = await succeeds('show', 'model', '3')
  expect(stdout).toMatch(/^Snapshot {3}3\n/)
  expect(stdout).toMatch(/^Compared {3}with snapshot 2$/m)
  expect(stdout).toMatch(/^Alignment {2}procrustes, 16 × 16$/m)
  expect(stdout).toMatch(/^Verdict {4}held\n {11}Panel residual is /m)
  expect(stdout).toMatch(/^mix\.heads\.bias +1 × 1$/m)
  const { manifest, schema, matrices } = await readSnapshot(snapshotDirectory(model, 3))
  expect(json).toMatchObject({ current: false, served: [], manifest, schema })
  expect(json.tensors).toHaveLength(matrices.size)
})

describe('diff', () => {
  test('compares tensors and published vectors', async () => {
    const { stdout, json } = await succeeds('diff', 'model', '1', '2')
    expect(json).toMatchObject({ before: 1, after: 2, schema: [], config: [], noPanel: null })
    const [before, after] = await Promise.all([1, 2].map((n) => readSnapshot(snapshotDirectory(model, n))))
    for (const { name, change, relativeL2 } of json.tensors) {
      expect(change).toBe('moved')
      const [a, b] = [before, after].map(({ matrices }) => [...matrices.get(name)!.data])
      const moved = a.reduce((sum, value, i) => sum + (b[i] - value) ** 2, 0)
      expect(relativeL2).toBeCloseTo(Math.sqrt(moved / a.reduce((sum, value) => sum + value ** 2, 0)), 5)
    }
    // the same panel and towers as at publication
    const { unalignedResidual: _, ...panel } = after.manifest.panel!
    for (const [name, value] of Object.entries(panel)) expect(json.panel[name], name).toBeCloseTo(value, 4)
    expect(stdout).toContain(`residual ${json.panel.residual.toFixed(4)}`)
  })

  test('names what changed in config and shapes', async () => {
    const { stdout, json } = await succeeds('diff', 'model', '2', '4')
    expect(json.config).toEqual([{ path: 'user.levels.0.extractors.0.hidden', before: 12, after: 16 }])
    expect(json.tensors).toContainEqual({ name: 'user.level1.mlp.hidden.bias', change: 'reshaped', relativeL2: null })
    expect(stdout).toMatch(/^Config {5}user\.levels\.0\.extractors\.0\.hidden: 12 → 16$/m)
    expect(stdout).toMatch(/^user\.level1\.mlp\.hidden\.bias +reshaped$/m)
  })
})

test('promote and rollback change what is served', async () => {
  expect((await succeeds('promote', 'model', '1')).json).toEqual({ before: 4, now: 1 })
  expect(await served()).toBe(1)
  const { stdout, json } = await succeeds('rollback', 'model')
  expect(stdout).toBe('Snapshot 4 is served again, in place of 1.\n')
  expect(json).toEqual({ before: 1, now: 4 })

  const refusal = await fails('promote', 'model', '3')
  expect(refusal).toMatch(/Snapshot 3 is held: Panel residual is .* with --force\.\n$/)
  expect(await served()).toBe(4)
  await succeeds('promote', 'model', '3', '--force')
  expect((await succeeds('show', 'model', '3')).stdout).toMatch(
    /^Snapshot {3}3, served$[\s\S]*^Served .*by promotion$/m,
  )
  await succeeds('rollback', 'model', '2')
  expect(await served()).toBe(2)
  expect(await fails('rollback', 'model', '4')).toMatch(/Snapshot 4 was not served before/)
  await succeeds('rollback', 'model')
  expect(await fails('rollback', 'model')).toMatch(/nothing was served before/)
  expect(await fails('promote', 'model', '1')).toMatch(/Snapshot 1 is served already/)
  await succeeds('promote', 'model', '4')
})

describe('what cannot be done is told', () => {
  test.each([
    [['list', 'nowhere'], /nowhere has no snapshots; check the path/],
    [['show', 'model', '9'], /model has no snapshot 9; its 4 are numbered 1 to 4\./],
    [['diff', 'model', '1', '9'], /model has no snapshot 9/],
    [['promote', 'model', '9'], /model has no snapshot 9/],
    [['rollback', 'nowhere'], /nowhere: nothing was served before/],
    [['list', 'model', '--json', 'nowhere/out.json'], /--json: there is no directory .*nowhere; make it first\./],
  ])('%j', async (args, message) => {
    expect(await fails(...args)).toMatch(message)
  })

  test('a number that is none', async () => {
    for (const number of ['0', 'two', '-1', '4294967296']) {
      const { code, stderr } = await snapshots('show', 'model', number)
      expect(code, number).toBe(2)
      expect(stderr).toMatch(/Give the number of a snapshot|unknown option '-1'/)
    }
  })

  test('a damaged snapshot: it is listed as such, and not served', async () => {
    appendFileSync(join(snapshotDirectory(model, 2), 'manifest.json'), ' ')
    const { stdout, json } = await succeeds('list', 'model')
    expect(stdout).toMatch(/^ +2 .*damaged: .*checksum of manifest\.json does not match/m)
    expect(json.snapshots[1]).toMatchObject({ manifest: null, damage: expect.stringMatching(/checksum/) })
    expect(await fails('promote', 'model', '2')).toMatch(/checksum of manifest\.json does not match/)
    expect(await fails('show', 'model', '2')).toMatch(/checksum of manifest\.json does not match/)
    expect(await served()).toBe(4)
  })
})
