// Guides: their generated parts are what declarations and results say.
import { expect, test } from 'vitest'
import { runProgram } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

test('the parts of guides that programs of bench generate are up to date', async () => {
  const programs = ['cluster-docs.ts', 'kernel-docs.ts', 'serving-docs.ts', 'training-docs.ts'].map(
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
