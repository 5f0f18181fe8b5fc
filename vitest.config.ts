import { existsSync, readdirSync } from 'node:fs'
import { configDefaults, defineConfig } from 'vitest/config'
import { inBrowser } from './vitest.browser.config.ts'

/** What `npx nx test PACKAGE` runs and `npm test` does not, as it would take too long. */
const exclude = [...configDefaults.exclude, '**/*.long.test.ts']
const folder = `${import.meta.dirname}/packages`
const packages = readdirSync(folder).filter((name) => existsSync(`${folder}/${name}/package.json`))

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      ...packages.map((name) => ({
        extends: './vitest.package.config.ts',
        root: `packages/${name}`,
        test: { name, exclude },
      })),
      inBrowser(['browser/smoke.test.ts']),
      { extends: './vitest.package.config.ts', root: 'tools', test: { name: 'tools', include: ['*.test.mjs'] } },
    ],
  },
})
