// docs/kernels.md: its generated parts are what the declarations say, and its example runs.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runProgram } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

const node = (/** @type {string[]} */ ...args) =>
  runProgram(process.execPath, ['--conditions=development', '--import', 'tsx', ...args], { cwd: inWorkspace('bench') })

test('the generated parts are up to date', async () => {
  const { code, stderr } = await node('kernel-docs.ts', '--check')
  expect(stderr).toBe('')
  expect(code).toBe(0)
})

test('the example prints what stands below it', async () => {
  const [, example, output] =
    /```js\n(.+?)```.+?```text\n(.+?)```/s.exec(readFileSync(inWorkspace('docs/kernels.md'), 'utf8')) ?? []
  expect(await node('--input-type=module', '--eval', example)).toMatchObject({ code: 0, stdout: output })
})
