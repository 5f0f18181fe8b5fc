// Guides: their generated parts are what declarations and results say.
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
