import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, test } from 'vitest'
import { moduleGraph } from './module-graph.ts'

const files = {
  'arms/arm.ts': `import { train } from '@w/training'
import type { Log } from '../log.ts'
import { type Row, readRow } from '../rows.ts'
export const arm = (log: Log, row: Row) => train(readRow(log, row))
`,
  'log.ts': `import './never.ts'\nexport interface Log {}\n`,
  'rows.ts': `/** import { nothing } from './never.ts' */\nimport { type A,\n  type B } from './never.ts'\nexport const readRow = () => import('./late.ts')\n`,
  'late.ts': 'export {}\n',
  'never.ts': 'export {}\n',
  'training/index.ts': `/** A package. */
export { type Options, train as train } from './train.ts'
export {
  publish,
  type Publication,
} from './publish.ts'
export type { Gate } from './gate.ts'
`,
  'training/train.ts': `import { sgd } from '@w/kernels'\nimport data from './rates.json' with { type: 'json' }\nexport const train = sgd\n`,
  'training/rates.json': '{}',
  'training/publish.ts': 'export const publish = 1\n',
  'training/gate.ts': 'export {}\n',
  'kernels/index.ts': `export { sgd } from './sgd.ts'\nexport { adam } from './adam.ts'\n`,
  'kernels/sgd.ts': `import * as all from '@w/all'\nexport const sgd = all\n`,
  'kernels/adam.ts': 'export const adam = 1\n',
  'all/index.ts': `export { one } from './one.ts'\nexport { two } from './two.ts'\n`,
  'all/one.ts': 'export const one = 1\n',
  'all/two.ts': 'export const two = 2\n',
}

describe('the graph of a module', () => {
  const root = temporaryDirectory()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  const entryOf = (name: string) => (name.startsWith('@w/') ? join(root, name.slice(3), 'index.ts') : null)
  const graph = (...modules: string[]) =>
    moduleGraph(
      modules.map((name) => join(root, name)),
      entryOf,
    ).map((path) => relative(root, path))

  test('has what it runs and nothing else', () => {
    expect(graph('arms/arm.ts')).toEqual([
      'all/index.ts',
      'all/one.ts',
      'all/two.ts',
      'arms/arm.ts',
      'kernels/sgd.ts',
      'late.ts',
      'rows.ts',
      'training/rates.json',
      'training/train.ts',
    ])
  })

  test('of several is all of theirs', () => {
    expect(graph('training/train.ts', 'never.ts')).toEqual([
      'all/index.ts',
      'all/one.ts',
      'all/two.ts',
      'kernels/sgd.ts',
      'never.ts',
      'training/rates.json',
      'training/train.ts',
    ])
  })
})
