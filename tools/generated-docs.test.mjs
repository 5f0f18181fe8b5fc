// Guides: their generated parts are what declarations and results say, and the example of docs/kernels.md runs.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runProgram } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

const node = (/** @type {string[]} */ ...args) =>
  runProgram(process.execPath, ['--conditions=@headwater/source', '--import', 'tsx', ...args], {
    cwd: inWorkspace('bench'),
  })

test.each(['kernel-docs.ts', 'serving-docs.ts'])('the parts that %s generates are up to date', async (program) => {
  const { code, stderr } = await node(program, '--check')
  expect(stderr).toBe('')
  expect(code).toBe(0)
})

test('the example of docs/kernels.md prints what stands below it', async () => {
  const [, example, output] =
    /```js\n(.+?)```.+?```text\n(.+?)```/s.exec(readFileSync(inWorkspace('docs/kernels.md'), 'utf8')) ?? []
  expect(await node('--input-type=module', '--eval', example)).toMatchObject({ code: 0, stdout: output })
})
