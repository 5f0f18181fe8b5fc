import { defineConfig } from 'vitest/config'
import { withDriver } from './packages/gpu/driver-environment.js'

// Test files run in processes forked from this one: set here, the driver that set-up brought is found in them.
Object.assign(process.env, withDriver(`${import.meta.dirname}/.env`))

/** How one package is tested; the root's vitest.config.ts runs this for all of them. */
export default defineConfig({
  ssr: { resolve: { conditions: ['@headwater/source', 'node'] } },
  test: {
    include: ['src/**/*.test.ts'],
    environment: 'node',
    pool: 'forks',
    // A package's files run in the same two processes, where a source is loaded once: none may leave anything behind it.
    isolate: false,
    // A software adapter works on every core by itself, so more files at once gain nothing.
    maxWorkers: 2,
    // Against hanging only: drivers compile each pipeline at its first use, on a busy machine for a minute.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
})
