import { readdirSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { inBrowser } from './packages/kernels/vitest.browser.config.ts'

const packages = readdirSync(`${import.meta.dirname}/packages`)

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      ...packages.map((name) => ({
        extends: './vitest.package.config.ts',
        root: `packages/${name}`,
        test: { name },
      })),
      inBrowser(['browser/smoke.test.ts']),
      { extends: './vitest.package.config.ts', root: 'tools', test: { name: 'tools', include: ['*.test.mjs'] } },
    ],
  },
})
