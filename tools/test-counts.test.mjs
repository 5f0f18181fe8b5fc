import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runProgram } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

const directory = mkdtempSync(join(tmpdir(), 'headwater-test-'))
afterAll(() => rmSync(directory, { recursive: true }))

const files = {
  'outcomes.test.mjs': `
    test('passes', () => {})
    test('passes too', () => {})
    test('fails', () => { throw new Error('told') })
    test${'.skip'}('is skipped', () => {})`,
  'hook.test.mjs': `describe('suite', () => { beforeAll(() => { throw new Error('hook') }); test('never runs', () => {}) })`,
  'import.test.mjs': `import './nothing-here.mjs'`,
  'unhandled.test.mjs': `test('passes', async () => { Promise.reject(new Error('nobody')); await new Promise(setImmediate) })`,
}

test('every way to fail is counted', async () => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const script = `
    import { startVitest } from 'vitest/node'
    import { countTests } from './test-counts.mjs'
    const options = { root: ${JSON.stringify(directory)}, config: false, globals: true, run: true, watch: false, include: ['*.test.mjs'] }
    const vitest = await startVitest('test', [], options)
    console.log(JSON.stringify(countTests(vitest.state.getTestModules(), vitest.state.getUnhandledErrors())))
    await vitest.close()`
  const { VITEST, VITEST_POOL_ID, VITEST_WORKER_ID, ...env } = process.env
  const outcome = await runProgram(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: inWorkspace('tools'),
    env,
  })
  const counts = JSON.parse(outcome.stdout.trim().split('\n').at(-1) ?? '')
  // Failed: the test, the hook, the file that cannot be imported, the unhandled rejection. The test behind the hook is skipped.
  expect(counts).toEqual({ passed: 3, failed: 4, skipped: 2 })
})
