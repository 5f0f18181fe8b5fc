/**
 * The recipe "An extractor" of CONTRIBUTING.md, followed in a copy: one linear map over all tokens. It touches five files, and
 * the compiler finds the part that was forgotten.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../../..')
const packages = ['runtime', 'onnx']

/** A new text, or what is put in place of a part of one. */
type Edit = string | readonly (readonly [from: string, to: string])[]

const extractor = 'packages/runtime/src/extractors/linear-map.ts'
const registry = 'packages/runtime/src/extractors/extractors.ts'
const onnx = 'packages/onnx/src/components/extractors.ts'
const reading = 'packages/runtime/src/reading-version.ts'

const recipe: Readonly<Record<string, Edit>> = {
  [extractor]: `/** One linear map over all tokens: new tokens = W vec X + b. Shape letters: n tokens of d. */
import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import { named } from '../parameters/axis.ts'
import { type Extractor, newTokens } from './extractor.ts'

const keys = { tokens: newTokens }

export const linearMap: Extractor<typeof keys> = {
  description: 'One linear map over all tokens',
  keys,
  declare(set, name, config, { tokens, width }) {
    const layer = declareLinear(set, name, named(tokens, width), config.tokens * width)
    return (rec, x, y) => {
      linearForward(rec, layer, x, y.into, { accumulate: y.accumulate })
      return (x, dy, dx) => linearBackward(rec, layer, x, dy, dx)
    }
  },
  passesToAdd: 0,
}
`,
  [registry]: [
    [
      "import { mixer } from './mixer.ts'\n",
      "import { linearMap } from './linear-map.ts'\nimport { mixer } from './mixer.ts'\n",
    ],
    [
      'const registry = { mlp, compression, cross, mixer }',
      'const registry = { mlp, compression, cross, mixer, linear: linearMap }',
    ],
  ],
  [onnx]: [
    [
      '  mlp(graph, { tokens }, name, x) {',
      `  linear(graph, { tokens }, name, x) {
    return graph.reshape(graph.linear(name, graph.flatten(x)), [tokens, x.dims[1]])
  },

  mlp(graph, { tokens }, name, x) {`,
    ],
  ],
  [reading]: [
    [
      '= { mlp, compression, cross, mixer }',
      `= {
  mlp,
  compression,
  cross,
  mixer,
  linear: (tensors, name, _, x) => cut(linear(tensors, name, x.flat()), x[0].length),
}`,
    ],
  ],
  'docs/model.md': [['mixer        Y = X +', 'linear       tokens(vec X W + b)\n\nmixer        Y = X +']],
}

/** Copies the sources, without tests, into a directory, and makes the edits of these files there. */
function copyWith(directory: string, files: readonly string[]): void {
  for (const name of packages) {
    const own = join(directory, 'packages', name)
    cpSync(join(root, 'packages', name, 'src'), join(own, 'src'), {
      recursive: true,
      filter: (path) => !/\.test\.ts$|[/\\]testing$/.test(path),
    })
    cpSync(join(root, 'packages', name, 'package.json'), join(own, 'package.json'))
    // Nearer than the packages that the root's node_modules links.
    mkdirSync(join(own, 'node_modules/@headwater'), { recursive: true })
    for (const other of packages)
      symlinkSync(join(directory, 'packages', other), join(own, 'node_modules/@headwater', other))
  }
  cpSync(join(root, 'docs/model.md'), join(directory, 'docs/model.md'))
  for (const file of files) writeFileSync(join(directory, file), edited(directory, file))
}

function edited(directory: string, file: string): string {
  const edit = recipe[file]
  if (typeof edit === 'string') return edit
  let text = readFileSync(join(directory, file), 'utf8')
  for (const [from, to] of edit) {
    expect(text.split(from).length, `${file} has "${from}" once`).toBe(2)
    text = text.replace(from, to)
  }
  return text
}

/** The files under a directory that do not compile. */
async function refusedFiles(directory: string): Promise<string[]> {
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  const config = { extends: join(root, 'tsconfig.base.json'), include: ['*/packages/*/src'] }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const compiler = spawn(process.execPath, [tsc, '-p', directory, '--pretty', 'false'], { cwd: directory })
  let output = ''
  for await (const chunk of compiler.stdout) output += chunk
  return [...new Set([...output.matchAll(/^(.+?)\(\d+,\d+\): error /gm)].map(([, file]) => file))].sort()
}

test('touches five files, and the compiler finds what was forgotten', async () => {
  const files = Object.keys(recipe)
  expect(files.length).toBeLessThanOrEqual(5)
  const directory = temporaryDirectory()
  copyWith(join(directory, 'whole'), files)
  copyWith(join(directory, 'forgotten'), [extractor, registry])
  expect(await refusedFiles(directory)).toEqual([`forgotten/${onnx}`, `forgotten/${reading}`].sort())
})
