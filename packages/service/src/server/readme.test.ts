/** The README of `pooling`, which shows the service too: its snippets run in their order, as one program, and print what they say. */
import { readFileSync } from 'node:fs'
import timers from 'node:timers/promises'
import { inspect } from 'node:util'
import * as client from '@headwater/client'
import * as features from '@headwater/features'
import * as pooling from '@headwater/pooling'
import * as store from '@headwater/store'
import { expect, it } from 'vitest'
import * as http from '../index.ts'

const modules = {
  'node:timers/promises': timers,
  '@headwater/features': features,
  '@headwater/store': store,
  '@headwater/pooling': pooling,
  '@headwater/service': http,
  '@headwater/client': client,
}

it('does what it says', async () => {
  const readme = readFileSync(new URL('../../../pooling/README.md', import.meta.url), 'utf8')
  const snippets = [...readme.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, text]) => text)
  expect(snippets).toHaveLength(4)
  const program = snippets.join('').replace(/^import (\{.*\}) from ('.*')$/gm, (_, names, from) => {
    expect(modules).toHaveProperty([from.slice(1, -1)])
    return `const ${names.replaceAll(' as ', ': ')} = modules[${from}]`
  })
  const said: string[] = []
  const console = { log: (...values: unknown[]) => said.push(values.map((value) => inspect(value)).join(' ')) }
  const run = new Function('modules', 'console', `return (async () => {${program}})()`)
  await run(modules, console)
  const told = [...program.matchAll(/^console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text)
  expect(told.length).toBeGreaterThan(3)
  expect(said).toEqual(told)
})
