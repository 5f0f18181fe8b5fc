import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { codeOf, codeVersion } from './code-version.ts'

test('code that a module needs changes its version, and no other does', () => {
  const directory = temporaryDirectory()
  const put = (name: string, text: string) => writeFileSync(join(directory, name), text)
  put(
    'arm.ts',
    "import { rate } from './rate.ts'\nimport type { Words } from './words.ts'\nexport const run = (_: Words) => rate\n",
  )
  put('rate.ts', 'export const rate = 1\n')
  put('words.ts', 'export type Words = string\n')
  put('other.ts', 'export const other = 1\n')
  // A process looks once at each module: another query is another module to it.
  let looks = 0
  const version = () => codeVersion(`${pathToFileURL(join(directory, 'arm.ts'))}?${looks++}`)
  const first = version()
  expect(first).toMatch(/^[0-9a-f]{24}$/)
  put('other.ts', 'export const other = 2\n')
  put('words.ts', 'export type Words = number\n')
  expect(version()).toBe(first)
  put('rate.ts', 'export const rate = 2\n')
  expect(version()).not.toBe(first)
  put('rate.ts', 'export const rate = 1\n')
  expect(version()).toBe(first)
})

test('an arm of downstream models needs training, kernels and features, and no report, experiment or service', () => {
  const packages = fileURLToPath(new URL('../../../../', import.meta.url))
  const needed = codeOf(new URL('../arms/downstream-arm.ts', import.meta.url).href).map((path) =>
    path.slice(packages.length),
  )
  expect(needed).toEqual(
    expect.arrayContaining([
      'evaluation/src/downstream/ranking-model.ts',
      'evaluation/src/lab/upstream/upstream.ts',
      'features/src/space/aggregator.ts',
      'kernels/src/matmul/matmul.ts',
      'statistics/src/random/random.ts',
      'training/src/step/train-step.ts',
    ]),
  )
  const others =
    /^(cli|service|client|cluster|load|onnx|logs|store|datasets)\/|\/(report\/(main-job|evaluation|page)|experiments|run|checkpoint\/checkpoints|intervals)[/.]/
  expect(needed.filter((path) => others.test(path))).toEqual([])
})
