/** `headwater evaluate` as a user calls it: once to the end and again, and what it refuses. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeAll, describe, expect, test } from 'vitest'
import { Child, worker } from '../../testing/child.ts'
import { type Click, clicks, writeClickLog } from '../../testing/click-log.ts'

const args = ['evaluate', '--data', 'clicks.csv', '--schema', 'schema.json', '--out', 'kept']

function start(directory: string, more: readonly string[]): Child {
  return new Child(worker, [...args, ...more], directory)
}

function withLog(rows: readonly Click[]): string {
  const directory = temporaryDirectory()
  writeClickLog(directory, rows)
  return directory
}

describe.each(['SIGTERM', 'SIGKILL'] as const)('ended by %s and called again', (signal) => {
  let directory: string
  let stopped: { readonly code: number | null; readonly stderr: string; readonly arms: number }
  let child: Child
  let code: number | null

  beforeAll(async () => {
    directory = withLog(clicks(1500))
    const armsDone = () => {
      const path = join(directory, 'kept', 'work', 'arms')
      return existsSync(path) ? readdirSync(path).filter((name) => !name.endsWith('.partial')).length : 0
    }
    const first = start(directory, ['serving', '--seeds', '1'])
    await first.until(() => armsDone() >= 2)
    first.process.kill(signal)
    const firstCode = await first.exited
    stopped = { code: firstCode, stderr: first.stderr, arms: armsDone() }
    child = start(directory, ['serving', '--seeds', '1', '--json', 'out.json'])
    code = await child.exited
  })

  test('it keeps the arms that were done, and says so where it can', () => {
    expect(stopped.arms).toBeGreaterThanOrEqual(2)
    if (signal === 'SIGTERM') {
      expect(stopped.code).toBe(143)
      expect(stopped.stderr).toContain('stopped by SIGTERM; arms that were done are kept in')
    } else expect(stopped.code).toBeNull()
    expect(existsSync(join(directory, 'out.json'))).toBe(true)
  })

  test('then it goes on at the arm that it was in, and leaves reports and figures', () => {
    expect(code).toBe(0)
    expect(child.stderr).toMatch(/To run: \d arms and 0 upstreams\. /)
    expect(child.stdout).toMatch(/^serving: (yes|not shown)\. /)
    expect(child.stdout).toMatch(/\nReport: .*report\.html\n$/)
    const result = JSON.parse(readFileSync(join(directory, 'out.json'), 'utf8'))
    expect(result).toMatchObject({
      quick: false,
      armsCached: stopped.arms,
      dataset: { rows: 1500, source: 'clicks.csv' },
      experiments: [{ name: 'serving', holds: expect.any(Boolean), seeds: [1] }],
    })
    expect(result.experiments[0].command).toContain('npx headwater evaluate serving --data clicks.csv')
    for (const name of ['report.html', 'report.md', 'report.json', 'work'])
      expect(readdirSync(join(directory, 'kept'))).toContain(name)
  })
})

test('one process comes to what two share', async () => {
  const directory = withLog(clicks(1500))
  const found = []
  for (const processes of ['1', '2']) {
    const where = ['--json', `${processes}.json`, '--out', processes]
    const child = start(directory, ['serving', '--seeds', '1', '--processes', processes, ...where])
    expect(await child.exited).toBe(0)
    expect(/ done beside in /.test(child.stderr)).toBe(processes === '2')
    const { experiments, armsRun } = JSON.parse(readFileSync(join(directory, `${processes}.json`), 'utf8'))
    found.push({ experiments, armsRun })
  }
  expect(found[1]).toEqual(found[0])
})

describe('refused before anything is trained', () => {
  test.each([
    [['luck'], 'experiment "luck": does not exist; there are main-job, gain,'],
    [['--quick', '--seeds', '2'], '--quick has one seed'],
  ])('%j', async (more, message) => {
    const directory = withLog(clicks(40))
    const child = start(directory, more)
    expect(await child.exited).toBe(1)
    expect(child.stderr).toContain(message)
    expect(existsSync(join(directory, 'kept'))).toBe(false)
  })
})
