// `npx nx run kernels:test-browser -- [-t PATTERN] [--json FILE] [FILES]`: the tests that use a device, on the WebGPU of
// a headless Chromium, which is brought where the machine has none. The last line is "N passed, N failed".
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import KernelReport, { countKernels, countTests } from './kernel-report.mjs'
import { setUp } from './setup.mjs'
import { inWorkspace } from './workspace.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { testNamePattern: { type: 'string', short: 't' }, json: { type: 'string' } },
})
process.exitCode = (await setUp({ browser: true })) && (await testInBrowser()) ? 0 : 1

/** @returns {Promise<boolean>} */
async function testInBrowser() {
  const { startVitest } = await import('vitest/node')
  const { testNamePattern } = values
  const vitest = await startVitest('test', positionals, {
    root: inWorkspace('packages/kernels'),
    config: inWorkspace('vitest.browser.config.ts'),
    run: true,
    watch: false,
    reporters: ['default', new KernelReport()],
    ...(testNamePattern ? { testNamePattern } : {}),
  })
  const modules = vitest.state.getTestModules()
  const { passed, failed } = countTests(modules, vitest.state.getUnhandledErrors())
  await vitest.close()

  if (values.json) {
    const failures = modules.flatMap((module) =>
      [...module.children.allTests('failed')].map((test) => ({
        test: test.fullName,
        message: test.result().errors?.[0]?.message ?? '',
      })),
    )
    const figures = { passed, failed, ...countKernels(modules), failures }
    writeFileSync(resolve(process.env.INIT_CWD ?? '.', values.json), `${JSON.stringify(figures, null, 2)}\n`)
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  return failed === 0 && passed > 0
}
