// `npm test -- FILTERS`: set-up where needed, lint, types, every test. Its last line is "N passed, N failed".
import { withDriver } from '../packages/gpu/driver-environment.js'
import KernelReport, { countTests } from './kernel-report.mjs'
import { runProgram } from './run-program.mjs'
import { setUp } from './setup.mjs'
import { typecheck } from './typecheck.mjs'
import { environmentFile, inWorkspace } from './workspace.mjs'

process.exitCode = (await setUp({ browser: true, valkey: true })) && (await testAll(process.argv.slice(2))) ? 0 : 1

/** @param {string[]} filters parts of test files' paths; none for all @returns {Promise<boolean>} */
async function testAll(filters) {
  const checked = [report('Lint and format', await lint()), report('Types', await typecheck())]

  // Kernels' largest grids take minutes on a software adapter; `npx nx test kernels` runs them.
  Object.assign(process.env, withDriver(environmentFile), { HEADWATER_SHORT_TESTS: '1' })
  const { startVitest } = await import('vitest/node')
  const reporters = ['default', new KernelReport()]
  const vitest = await startVitest('test', filters, { root: inWorkspace('.'), run: true, watch: false, reporters })
  const counts = countTests(vitest.state.getTestModules(), vitest.state.getUnhandledErrors())
  await vitest.close()

  if (counts.skipped > 0) process.stdout.write(`${counts.skipped} skipped\n`)
  // A test that did not run proved nothing: on a developer's machine that may do, where changes are judged it may not.
  const failed = counts.failed + (process.env.CI ? counts.skipped : 0)
  if (checked.includes(false)) process.stdout.write('Lint or types failed, see above.\n')
  process.stdout.write(`${counts.passed} passed, ${failed} failed\n`)
  return failed === 0 && counts.passed > 0 && !checked.includes(false)
}

/** @returns {Promise<string>} what Biome and knip said; empty where all is well */
async function lint() {
  const linters = [
    ['@biomejs/biome/bin/biome', 'check', '.'],
    ['knip/bin/knip.js', '--no-config-hints'],
  ]
  const outcomes = linters.map(([program, ...args]) =>
    runProgram(process.execPath, [inWorkspace(`node_modules/${program}`), ...args], { cwd: inWorkspace('.') }),
  )
  return (await Promise.all(outcomes)).map(({ code, stdout, stderr }) => (code === 0 ? '' : stdout + stderr)).join('')
}

/** @param {string} name @param {string} complaints */
function report(name, complaints) {
  process.stdout.write(complaints === '' ? `${name}: clean\n` : `${name}:\n${complaints}\n`)
  return complaints === ''
}
