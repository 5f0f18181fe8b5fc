/** @import { Reporter, TestModule } from 'vitest/node' */

/**
 * @typedef {object} KernelRun what a test of packages/kernels notes about itself
 * @property {string} kernel
 * @property {string} tuning
 * @property {string} adapter
 * @property {'ran' | 'not applicable' | 'too large'} outcome the adapter may lack what the tuning needs, or take minutes
 */

/**
 * How many kernels, tunings and cases ran, and which tunings the adapter cannot run.
 * @param {readonly TestModule[]} modules
 */
export function countKernels(modules) {
  const runs = modules.flatMap((module) =>
    [...module.children.allTests()].flatMap((test) => {
      const { kernelRun: run } = /** @type {{ kernelRun?: KernelRun }} */ (test.meta())
      return run ? [{ test, run }] : []
    }),
  )
  /** @param {KernelRun['outcome']} outcome */
  const of = (outcome) => runs.filter(({ run }) => run.outcome === outcome)
  /** @param {typeof runs} some */
  const tunings = (some) => [...new Set(some.map(({ run }) => `${run.kernel}/${run.tuning}`))]
  return {
    adapters: [...new Set(runs.map(({ run }) => run.adapter))],
    kernels: new Set(of('ran').map(({ run }) => run.kernel)).size,
    tunings: tunings(of('ran')).length,
    cases: of('ran').filter(({ test }) => test.name.startsWith('case ')).length,
    notApplicable: tunings(of('not applicable')),
    tooLarge: of('too large').map(({ test, run }) => `${run.kernel}/${run.tuning}, ${test.name}`),
  }
}

/** Prints the counts below a run of tests; nothing where no kernel was tested. @implements {Reporter} */
export default class KernelReport {
  /** @param {readonly TestModule[]} modules */
  onTestRunEnd(modules) {
    const { adapters, kernels, tunings, cases, notApplicable, tooLarge } = countKernels(modules)
    if (adapters.length === 0) return
    for (const one of tooLarge) process.stdout.write(`too large here: ${one}\n`)
    process.stdout.write(
      `${kernels} kernels, ${tunings} tunings, ${cases} cases on ${adapters.join(' and ')}; ` +
        `not applicable here: ${notApplicable.join(', ') || 'none'}\n`,
    )
  }
}

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
