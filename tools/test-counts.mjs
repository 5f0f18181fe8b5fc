/** @import { TestModule } from 'vitest/node' */

/**
 * Counts tests by their outcome. What could not even be collected, a hook that threw and an error outside any test each
 * count as one failure, as does a test that never ended.
 * @param {readonly TestModule[]} modules
 * @param {readonly unknown[]} unhandledErrors
 */
export function countTests(modules, unhandledErrors) {
  const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
  for (const module of modules) {
    counts.failed += module.errors().length
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      counts[state === 'pending' ? 'failed' : state]++
    }
  }
  return counts
}
