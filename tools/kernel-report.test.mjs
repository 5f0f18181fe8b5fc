import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runProgram } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

const directory = mkdtempSync(join(tmpdir(), 'headwater-test-'))
afterAll(() => rmSync(directory, { recursive: true }))

const file = `
  const run = (title, kernel, tuning, outcome = 'ran') =>
    test(title, ({ task }) => { task.meta.kernelRun = { kernel, tuning, adapter: 'some adapter', outcome } })
  run('case {"N":1}', 'scale', 'plain')
  run('case {"N":2}', 'scale', 'plain')
  run('case {"N":1} ', 'scale', 'wide', 'not applicable')
  run('case {"N":2} ', 'scale', 'wide', 'not applicable')
  run('case {"N":9}', 'scale', 'plain', 'too large')
  run('x holds NaN', 'scale', 'plain')
  run('case {"N":1}', 'sum', 'plain')
  test('is about something else', () => {})`

test('counts what ran, and names what the adapter cannot run', async () => {
  writeFileSync(join(directory, 'kernels.test.mjs'), file)
  const script = `
    import { startVitest } from 'vitest/node'
    import KernelReport from './kernel-report.mjs'
    const options = { root: ${JSON.stringify(directory)}, config: false, globals: true, run: true, watch: false, include: ['*.test.mjs'] }
    const vitest = await startVitest('test', [], { ...options, reporters: [new KernelReport()] })
    await vitest.close()`
  const { VITEST, VITEST_POOL_ID, VITEST_WORKER_ID, ...env } = process.env
  const outcome = await runProgram(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: inWorkspace('tools'),
    env,
  })
  expect(outcome.stdout).toBe(
    'too large here: scale/plain, case {"N":9}\n' +
      '2 kernels, 2 tunings, 3 cases on some adapter; not applicable here: scale/wide\n',
  )
})
