/** `headwater train` as a user calls it: to its end, cut off and resumed, and following a directory. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listSnapshots, readSnapshot, servedSnapshot } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeAll, describe, expect, test } from 'vitest'
import { Child, launcher } from '../../testing/child.ts'
import { type Click, clickSchema, clicks, writeClickLog } from '../../testing/click-log.ts'
import { headwaterIn } from '../../testing/headwater.ts'
import { nextCommand, parsed } from '../../testing/next-command.ts'
import { descendantsOf } from '../../testing/processes.ts'
import { tinyModel } from '../../testing/tiny-model.ts'

const tiny = ['--config', 'tiny.json']
const log = ['--data', 'clicks.csv', '--schema', 'schema.json', '--out', 'model', '--every', '8h']
const often = ['--checkpoint-every', '1']

function start(directory: string, ...args: string[]) {
  return new Child(launcher, ['train', ...args], directory)
}

async function ends(child: Child) {
  const code = await child.exited
  const { stdout, stderr } = child
  return { code, stdout, stderr, warnings: stderr.match(/^warning: .*$/gm) ?? [] }
}

/** Of what is refused there is nothing to see in a process of its own. */
const refused = (directory: string, ...args: string[]) => headwaterIn(directory, 'train', ...args)

/** A directory with a log of 25 hours, a row a minute: 480 rows in each of three rounds, and 60 in the last. */
function home(): string {
  const directory = temporaryDirectory()
  writeClickLog(directory, clicks(1500))
  writeFileSync(join(directory, 'tiny.json'), JSON.stringify(tinyModel))
  return directory
}

/** But for times. */
const stepsOf = (model: string) =>
  readFileSync(join(model, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): { step: number; loss: { click: number }; gradientNorm: number; rate: number } => {
      const { rowsPerSecond: _, ...step } = JSON.parse(line)
      return step
    })

const weightsOf = async (model: string) => {
  const snapshots = await listSnapshots(model)
  return snapshots.map((directory) => readFileSync(join(directory, 'weights.safetensors')).toString('base64'))
}

describe('a training to its end', () => {
  const directory = home()
  const model = join(directory, 'model')
  let ending: Awaited<ReturnType<typeof ends>>
  beforeAll(async () => {
    // It was killed before its first checkpoint once, and begins anew by the same command.
    const command = [...log, ...tiny, '--json', 'out.json']
    const killed = start(directory, ...command)
    await killed.until(() => existsSync(model) && readdirSync(model).some((name) => name.startsWith('.examples-')))
    process.kill(descendantsOf(killed.process.pid!)[0].pid, 'SIGKILL')
    expect((await ends(killed)).code).toBe(137)
    expect(readdirSync(model).filter((name) => name.startsWith('.'))).not.toEqual([])
    ending = await ends(start(directory, ...command))
  })

  test('publishes a snapshot a round, and says so in a line each', async () => {
    expect(ending).toMatchObject({ code: 0, warnings: [] })
    const lines = ending.stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(6)
    expect(lines[0]).toMatch(
      /^round 1, 2023-11-14 22:13 to 2023-11-15 06:13: 480 events, 2 steps, loss \d\.\d{4} nats; snapshot 1, frame 1, published$/,
    )
    expect(lines[3]).toMatch(/^round 4, .*: 60 events, 1 steps, loss \d\.\d{4} nats; snapshot 4, frame 1, /)
    expect(lines[4]).toBe(`Snapshots: ${model}`)
    const backfill = { store: 'lmdb:model-store', backfill: 'clicks.csv' }
    expect(await parsed(nextCommand(ending.stdout))).toMatchObject({ name: 'serve', options: backfill })
    const snapshots = await listSnapshots(model)
    expect(snapshots).toHaveLength(4)
    for (const snapshot of snapshots) await readSnapshot(snapshot)
    expect(await servedSnapshot(model)).toBeGreaterThanOrEqual(1)
  })

  test('leaves snapshots, a few checkpoints, and nothing else', () => {
    const snapshots = [1, 2, 3, 4].map((n) => `snapshot-00000${n}`)
    expect(readdirSync(model).sort()).toEqual(['checkpoints', 'current.json', 'metrics.jsonl', ...snapshots])
    expect(readdirSync(join(model, 'checkpoints'))).toEqual([2, 3, 4].map((n) => `checkpoint-00000${n}.bin`))
    expect(readdirSync(directory).sort()).toEqual(['clicks.csv', 'model', 'out.json', 'schema.json', 'tiny.json'])
  })

  test('writes the figures of each round', () => {
    const { rounds } = JSON.parse(readFileSync(join(directory, 'out.json'), 'utf8'))
    expect(rounds).toHaveLength(4)
    expect(rounds[1]).toMatchObject({ round: 2, events: 480, skipped: 0, clipped: 0, snapshot: 2, trainedRows: 912 })
    expect(rounds[1].loss).toBeGreaterThan(0)
  })

  test('writes a line a step', () => {
    const steps = stepsOf(model)
    expect(steps.map(({ step }) => step)).toEqual(steps.map((_, i) => i + 1))
    for (const { loss, gradientNorm, rate } of steps) {
      expect(loss.click).toBeGreaterThan(0)
      expect(gradientNorm).toBeGreaterThan(0)
      expect([1e-3, 5e-4].map(Math.fround)).toContain(rate)
    }
    expect(steps.filter(({ rate }) => rate > 6e-4)).toHaveLength(2)
  })

  test('in another directory: without --resume it is refused', async () => {
    const { code, stderr } = await refused(directory, ...log)
    expect(code).toBe(1)
    expect(stderr).toMatch(/--out: \S+model is not empty; name a new directory, or empty it\./)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('stopped by %s it exits with %i, and resumed it gives the same weights', async (signal, code) => {
    const other = home()
    const child = start(other, ...log, ...tiny, ...often)
    const checkpoints = join(other, 'model', 'checkpoints')
    await child.until(
      () => existsSync(checkpoints) && readdirSync(checkpoints).some((name) => /^checkpoint/.test(name)),
    )
    child.process.kill(signal)
    const stopped = await ends(child)
    expect(stopped.code).toBe(code)
    expect(stopped.stderr).toMatch(
      new RegExp(
        `^headwater: stopped by ${signal}; go on with --resume\\. Snapshots and checkpoints are under \\S+model\\.$`,
        'm',
      ),
    )
    expect(readdirSync(join(other, 'model')).filter((name) => name.startsWith('.'))).toEqual([])
    if (signal === 'SIGINT') {
      const wrong = await refused(other, ...log, ...tiny, '--resume', '--seed', '2')
      expect(wrong).toMatchObject({ code: 1, stdout: '' })
      expect(wrong.stderr).toMatch(
        /No checkpoint can be gone on from\. .*is of another training: seed was 1 and is 2\./,
      )
      writeClickLog(
        other,
        clicks(1500).map((row, i) => (i === 9 ? { ...row, price: 5.55 } : row)),
      )
      const changed = await refused(other, ...log, ...tiny, '--resume')
      expect(changed).toMatchObject({ code: 1, stdout: '' })
      expect(changed.stderr).toMatch(/was made on other data: its first 480 rows are not those of this log\./)
      writeClickLog(other, clicks(1500))
    }
    // Of a process that was killed.
    for (const name of ['.examples-2147483646', '.examples-2147483646.sequences'])
      writeFileSync(join(other, 'model', name), '')
    const resumed = await ends(start(other, ...log, ...tiny, ...often, '--resume'))
    expect(resumed).toMatchObject({ code: 0, warnings: [] })
    expect(readdirSync(join(other, 'model')).filter((name) => name.startsWith('.'))).toEqual([])
    expect(await weightsOf(join(other, 'model'))).toEqual(await weightsOf(model))
    expect(stepsOf(join(other, 'model'))).toEqual(stepsOf(model))
  })
})

test('--follow takes whole files as rounds, in the order of their names', async () => {
  const directory = temporaryDirectory()
  const inbox = join(directory, 'inbox')
  mkdirSync(inbox)
  writeFileSync(join(directory, 'schema.json'), JSON.stringify(clickSchema))
  const csv = (rows: readonly Click[]) =>
    ['user,item,time,price,click', ...rows.map((r) => [r.user, r.item, r.time, r.price, r.click].join()), ''].join('\n')
  const put = (name: string, text: string) => {
    writeFileSync(join(inbox, `${name}.part`), text)
    renameSync(join(inbox, `${name}.part`), join(inbox, name))
  }
  const rows = clicks(900)
  const oneClass = rows.slice(600).map((row) => ({ ...row, click: 1 }))
  put('day-2.csv', csv(rows.slice(0, 400)))
  writeFileSync(join(inbox, 'day-3.csv.part'), 'user,it')
  const follow = ['--follow', '--data', 'inbox', '--schema', 'schema.json', '--out', 'model', '--rounds', '2']
  const child = start(directory, ...follow)
  await child.until(() => child.stdout.includes('round 1, '))
  put('day-1.csv', csv(rows.slice(0, 400)))
  put('day-3.csv', csv(oneClass))
  put('day-4.csv', csv([]))
  put('day-5.csv', csv(rows.slice(400)))
  const { code, stdout, warnings } = await ends(child)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^round 1, day-2\.csv: 400 events, .*\nround 2, day-5\.csv: 500 events, .*\nSnapshots: .*\n$/)
  expect(warnings.map((warning) => warning.slice('warning: '.length))).toEqual([
    expect.stringMatching(/^day-1\.csv is passed over: it sorts before /),
    expect.stringMatching(/^day-3\.csv is passed over: /),
    expect.stringMatching(/^day-4\.csv is passed over: /),
  ])
  expect(warnings[1]).toMatch(/class/)
  expect(await listSnapshots(join(directory, 'model'))).toHaveLength(2)

  // Rounds before the checkpoint are the same files again, whatever else lies beside them.
  put('day-6.csv', csv(clicks(1300).slice(900)))
  const resumed = await ends(start(directory, ...follow.slice(0, -1), '3', '--resume'))
  expect(resumed.code).toBe(0)
  expect(resumed.stdout).toMatch(/\nround 3, day-6\.csv: 400 events, .*\nSnapshots: .*\n$/)
  expect(resumed.warnings).toHaveLength(3)
})

test.each([
  [['--every', '1y'], 2, /--every .*Give a number and a unit: 30s, 90m, 6h, 1d or 2w\./],
  [['--rounds', '0'], 2, /--rounds .*Give a whole number from 1/],
  [['--max-norm', '-1'], 2, /--max-norm|unknown option '-1'/],
  [['--preset', 'huge'], 2, /--preset .*Allowed choices are small/],
  [['--follow'], 1, /--data: \S+clicks\.csv is no directory; --follow takes the files of one\./],
])('%j is refused', async (args, code, message) => {
  const directory = home()
  const ending = await refused(directory, ...log, ...args)
  expect(ending.code).toBe(code)
  expect(ending.stderr).toMatch(message)
  expect(readdirSync(directory).sort()).toEqual(['clicks.csv', 'schema.json', 'tiny.json'])
})
