// Guides: their generated parts are what declarations and results say.
import { expect, test } from 'vitest'
import { runProgram } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

test('the parts of guides that kernel-docs.ts, serving-docs.ts and training-docs.ts generate are up to date', async () => {
  const programs = ['kernel-docs.ts', 'serving-docs.ts', 'training-docs.ts'].map(
    (name) => `await import(${JSON.stringify(inWorkspace(`bench/${name}`))})`,
  )
  const args = [
    '--conditions=@headwater/source',
    '--import',
    'tsx',
    '--input-type=module',
    '--eval',
    programs.join('\n'),
  ]
  const { code, stderr } = await runProgram(process.execPath, [...args, '--', '--check'], { cwd: inWorkspace('bench') })
  expect(stderr).toBe('')
  expect(code).toBe(0)
})
