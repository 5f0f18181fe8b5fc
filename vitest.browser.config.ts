import { playwright } from '@vitest/browser-playwright'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { withDriver } from './packages/gpu/driver-environment.js'
import { browserArguments, browserProgram } from './packages/testkit/src/browser/program.ts'

// Set-up writes into this file which Chromium it brought.
Object.assign(process.env, withDriver(`${import.meta.dirname}/.env`))

/** How the kernels' tests run on the WebGPU of a browser's page instead of Dawn's in Node: in a headless Chromium. */
export const inBrowser = (include: string[]): TestProjectInlineConfiguration => ({
  root: `${import.meta.dirname}/packages/kernels`,
  resolve: { conditions: ['@headwater/source', 'module', 'browser'] },
  test: {
    name: 'kernels in a browser',
    include,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: {
        ...playwright(),
        // Looked for when the first page opens: a run without these tests needs no browser.
        providerFactory: (project) =>
          playwright({
            launchOptions: { executablePath: browserProgram(), args: [...browserArguments] },
          }).providerFactory(project),
      },
      instances: [{ browser: 'chromium' }],
    },
  },
})

/** All tests but those that need no device. */
export default defineConfig(inBrowser(['src/**/!(wgsl|gradients).test.ts']))
