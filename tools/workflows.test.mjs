import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { nodeVersions } from './node-versions.mjs'
import { inWorkspace } from './workspace.mjs'

const read = (/** @type {string} */ path) => readFileSync(inWorkspace(path), 'utf8')

test('the workflow does what .ci/run does, on every Node that is supported', () => {
  const workflow = read('.github/workflows/ci.yml')
  expect(workflow).toMatch(/^ {6}- run: \.ci\/run$/m)
  const [, list] = /node: \[(.*)\]/.exec(workflow) ?? []
  expect(list.split(', ')).toEqual(nodeVersions.map((version) => version.split('.')[0]))
  expect(JSON.parse(read('package.json')).engines.node).toBe(`>=${nodeVersions[0]}`)
})

test('workflows run targets that there are', () => {
  const { targets } = JSON.parse(read('tools/project.json'))
  const named = [...read('.github/workflows/packages.yml').matchAll(/nx run tools:([\w-]+)/g)].map(([, name]) => name)
  expect(named.length).toBeGreaterThan(0)
  for (const name of named) expect(targets).toHaveProperty(name)
})
