// Each package's README begins with an example that runs; `npx nx run tools:pack-check` runs all of them as packed.
import { readFileSync, rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { withDriver } from '../packages/gpu/driver-environment.js'
import { publicPackages } from './public-packages.mjs'
import { readmeExamples, runExamples } from './readme-examples.mjs'
import { environmentFile, inWorkspace } from './workspace.mjs'

const examples = readmeExamples()
/** They load DuckDB, which takes as long as all others together. */
const slow = ['@headwater/datasets', '@headwater/evaluation']

test.each([...publicPackages()])('the README of %s is of it, and its example imports it', (folder, { name }) => {
  expect(readFileSync(inWorkspace(`packages/${folder}/README.md`), 'utf8')).toMatch(new RegExp(`^# ${name}\n`))
  expect(examples.find((example) => example.name === name)?.code).toContain(`from '${name}'`)
})

test('examples that stand by themselves print what the READMEs say', async () => {
  const directory = inWorkspace(`.cache/readme-examples-${process.pid}`)
  const alone = examples.filter(({ name, needs, output }) => needs === 'nothing' && output && !slow.includes(name))
  try {
    const options = ['--conditions=@headwater/source', '--import', import.meta.resolve('tsx')]
    const outputs = await runExamples(alone, directory, { options, env: withDriver(environmentFile) })
    expect(alone.map(({ name }, i) => [name, outputs[i]])).toEqual(alone.map(({ name, output }) => [name, output]))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

test('docs/kernels.md runs a kernel as the README of kernels does', () => {
  const { code, output } = examples.find(({ name }) => name === '@headwater/kernels') ?? {}
  const guide = readFileSync(inWorkspace('docs/kernels.md'), 'utf8')
  expect(guide).toContain(`\`\`\`js\n${code}\`\`\``)
  expect(guide).toContain(`\`\`\`text\n${output}\`\`\``)
})
