// The packages and who may import whom: all of a package.json's dependencies are held against this.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { npmPackages } from './package-files.mjs'
import { circlesOf } from './rooms.mjs'
import { inWorkspace } from './workspace.mjs'

/** From the bottom up: each may import those before it. What stands before `gpu` runs without a device. */
const order = [
  ...['binary16', 'statistics', 'features', 'store', 'client', 'datasets', 'snapshot'],
  ...['external', 'pooling', 'logs', 'service'],
  ...['load', 'gpu', 'kernels', 'runtime', 'encoder', 'onnx', 'cluster', 'training', 'evaluation', 'cli'],
]
/** For tests alone, wherever they are. */
const forTests = 'testkit'

const scope = '@headwater/'
/** @typedef {{ name: string, version: string, private?: boolean, dependencies?: {}, devDependencies?: {} }} Manifest */
const packages = npmPackages()
/** @type {Record<string, Manifest>} */
const manifests = Object.fromEntries(
  packages.map((name) => [name, JSON.parse(readFileSync(inWorkspace(`packages/${name}/package.json`), 'utf8'))]),
)
/** Of the workspace, without scope. @param {{} | undefined} dependencies */
const own = (dependencies = {}) =>
  Object.keys(dependencies).flatMap((name) => (name.startsWith(scope) ? [name.slice(scope.length)] : []))

test('every package has its place in the order and its name, that of the command without scope', () => {
  expect(packages).toEqual([...order, forTests].sort())
  for (const name of packages) expect(manifests[name].name).toBe(name === 'cli' ? 'headwater' : scope + name)
})

test('packages depend on those before them, and on what is for tests in tests alone', () => {
  const against = order.flatMap((name, place) =>
    own(manifests[name].dependencies)
      .filter((other) => !order.slice(0, place).includes(other))
      .map((other) => `${name} imports ${other}`),
  )
  expect(against).toEqual([])
  expect(packages.filter((name) => manifests[name].private)).toEqual([forTests])
})

test('no circle, tests included', () => {
  const imports = packages.map((name) => {
    const { dependencies, devDependencies } = manifests[name]
    return /** @type {[string, string[]]} */ ([name, own({ ...dependencies, ...devDependencies })])
  })
  expect(circlesOf(new Map(imports))).toEqual([])
})

test('packages of the workspace ask for each other as they are', () => {
  for (const { dependencies, devDependencies } of Object.values(manifests))
    for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies }))
      if (name.startsWith(scope)) expect(range, name).toBe(manifests[name.slice(scope.length)].version)
})
