// What is reported of a run of tests, of runs in processes of their own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runProgram } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

/**
 * @param {Record<string, string>} files
 * @param {string} reporters an expression
 * @param {string} after a statement that may use `vitest`
 * @returns {Promise<string>} what the run printed
 */
async function run(files, reporters, after) {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-test-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const script = `
    import { startVitest } from 'vitest/node'
    import KernelReport, { countTests } from './kernel-report.mjs'
    const options = { root: ${JSON.stringify(directory)}, config: false, globals: true, run: true, watch: false, include: ['*.test.mjs'], pool: 'threads', isolate: false, maxWorkers: 1 }
    const vitest = await startVitest('test', [], { ...options, reporters: ${reporters} })
    ${after}
    await vitest.close()`
  const { VITEST, VITEST_POOL_ID, VITEST_WORKER_ID, ...env } = process.env
  const args = ['--input-type=module', '--eval', script]
  return (await runProgram(process.execPath, args, { cwd: inWorkspace('tools'), env })).stdout
}

test('every way to fail is counted', async () => {
  const files = {
    'outcomes.test.mjs': `
      test('passes', () => {})
      test('passes too', () => {})
      test('fails', () => { throw new Error('message') })
      test${'.skip'}('is skipped', () => {})`,
    'hook.test.mjs': `describe('suite', () => { beforeAll(() => { throw new Error('hook') }); test('never runs', () => {}) })`,
    'import.test.mjs': `import './nothing-here.mjs'`,
    'unhandled.test.mjs': `test('passes', async () => { Promise.reject(new Error('nobody')); await new Promise(setImmediate) })`,
  }
  const counted = 'countTests(vitest.state.getTestModules(), vitest.state.getUnhandledErrors())'
  const printed = await run(files, `['default']`, `console.log(JSON.stringify(${counted}))`)
  // Failed: the test, the hook, the file that cannot be imported, the unhandled rejection. The test behind the hook is skipped.
  expect(JSON.parse(printed.trim().split('\n').at(-1) ?? '')).toEqual({ passed: 3, failed: 4, skipped: 2 })
})

test('kernels that ran are counted, and what the adapter cannot run is named', async () => {
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
  expect(await run({ 'kernels.test.mjs': file }, '[new KernelReport()]', '')).toBe(
    'too large here: scale/plain, case {"N":9}\n' +
      '2 kernels, 2 tunings, 3 cases on some adapter; not applicable here: scale/wide\n',
  )
})
