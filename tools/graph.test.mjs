// The packages and who may import whom: what one reads in a package.json's dependencies, all of it, is held against this.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { inWorkspace } from './workspace.mjs'

/** Packages that may import a package at its side; whoever imports them may, too. @type {Record<string, string[]>} */
const importedBy = {
  binary16: ['kernels', 'store', 'client'],
  gpu: ['kernels'],
  kernels: ['runtime'],
  features: ['snapshot', 'datasets', 'pooling'],
  client: ['service', 'load'],
  datasets: ['training', 'evaluation'],
  snapshot: ['runtime', 'cluster'],
  runtime: ['training', 'encoder', 'onnx'],
  onnx: ['cli'],
  store: ['pooling'],
  statistics: ['training', 'service', 'load', 'evaluation'],
  training: ['evaluation'],
  pooling: ['logs', 'encoder', 'service'],
  logs: ['evaluation', 'cli'],
  encoder: ['cli'],
  service: ['cluster'],
  cluster: ['cli'],
  load: ['cli'],
  evaluation: ['cli'],
  cli: [],
  // For tests alone.
  testkit: [],
}

const scope = '@headwater/'

/** @param {string} name */
const manifestOf = (name) => JSON.parse(readFileSync(inWorkspace(`packages/${name}/package.json`), 'utf8'))

/** @param {Record<string, string> | undefined} dependencies @returns {string[]} those of the workspace, without scope */
const own = (dependencies = {}) =>
  Object.keys(dependencies)
    .filter((name) => name.startsWith(scope))
    .map((name) => name.slice(scope.length))

const packages = readdirSync(inWorkspace('packages'))
const manifests = Object.fromEntries(packages.map((name) => [name, manifestOf(name)]))

/** @param {string} from @param {string} to @returns {boolean} whether arrows lead from one package to the other */
const leadsTo = (from, to) => importedBy[from].some((next) => next === to || leadsTo(next, to))

/**
 * @param {string} name
 * @param {readonly string[]} above
 * @returns {string[] | null} packages that depend on each other in a circle
 */
function cycleFrom(name, above = []) {
  if (above.includes(name)) return [...above.slice(above.indexOf(name)), name]
  const { dependencies, devDependencies } = manifests[name]
  for (const next of [...own(dependencies), ...own(devDependencies)]) {
    const cycle = cycleFrom(next, [...above, name])
    if (cycle) return cycle
  }
  return null
}

test('every package has its place in the graph and its name', () => {
  expect(packages.filter((name) => !(name in importedBy))).toEqual([])
  for (const name of packages) expect(manifests[name].name).toBe(scope + name)
})

test('packages depend on those whose arrows lead to them', () => {
  const against = packages.flatMap((name) =>
    own(manifests[name].dependencies)
      .filter((other) => name !== 'testkit' && !leadsTo(other, name))
      .map((other) => `${name} imports ${other}`),
  )
  expect(against).toEqual([])
})

test('what is for tests is private and nothing else depends on it', () => {
  expect(manifests.testkit.private).toBe(true)
  expect(packages.filter((name) => own(manifests[name].dependencies).includes('testkit'))).toEqual([])
  expect(packages.filter((name) => name !== 'testkit' && manifests[name].private)).toEqual([])
})

test('no circle, tests included', () => {
  for (const name of packages) expect(cycleFrom(name)).toBeNull()
})

test('packages of the workspace ask for each other as they are', () => {
  for (const { dependencies = {}, devDependencies = {} } of Object.values(manifests))
    for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies }))
      if (name.startsWith(scope)) expect(range, name).toBe(manifests[name.slice(scope.length)].version)
})
