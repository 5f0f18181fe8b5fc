// The tests of packages/python that need numpy alone.
import { expect, test } from 'vitest'
import { runProgram } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

const cwd = inWorkspace('packages/python')

test('packages/python', async () => {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  const python = (/** @type {string[]} */ ...args) =>
    runProgram(process.env.HEADWATER_PYTHON ?? 'python3', args, { cwd, env })
  if ((await python('-c', 'import numpy')).code !== 0) {
    console.log('not applicable: packages/python, as there is no python3 with numpy')
    return
  }
  const { code, stderr } = await python('-m', 'unittest', 'discover', '-s', 'tests')
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/Ran \d\d+ tests/)
})
