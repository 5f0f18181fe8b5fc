import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { constantMeanings, measuredConstants } from '@headwater/load/capacity'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { headwater } from '../../testing/headwater.ts'
import { example, exampleArguments } from './capacity.ts'

const docs = readFileSync(fileURLToPath(new URL('../../../../../docs/capacity.md', import.meta.url)), 'utf8')

test('prints what its help and docs/capacity.md show', async () => {
  const { code, stdout } = await headwater('capacity', ...exampleArguments)
  expect(code).toBe(0)
  expect(`$ headwater capacity ${exampleArguments.join(' ')}\n${stdout}`).toBe(example())
  expect(docs).toContain(`\`\`\`\n${example()}\`\`\``)
  const help = await headwater('capacity', '--help')
  for (const line of example().split('\n')) expect(help.stdout).toContain(line)
})

test('docs/capacity.md lists every constant with its value and command', () => {
  for (const [name, { value, command }] of Object.entries(measuredConstants.constants)) {
    const row = docs.split('\n').find((line) => line.startsWith(`| \`${name}\``))
    expect(row, name).toBeDefined()
    const cells = row!.split('|').map((cell) => cell.trim())
    expect(cells[2]).toBe(constantMeanings[name as keyof typeof constantMeanings])
    expect(Number(cells[3].replaceAll(',', ''))).toBeCloseTo(Number(value.toPrecision(3)), 9)
    expect(cells[4]).toBe(`\`${command}\``)
  }
})

test('takes constants of other machines, and writes all that it counted with', async () => {
  const directory = temporaryDirectory()
  const [constants, json] = [join(directory, 'constants.json'), join(directory, 'plan.json')]
  writeFileSync(constants, JSON.stringify({ eventUs: { value: 1e6, command: 'my own' } }))
  const load = ['--users', '86400', '--events', '10', '--refreshes', '0', '--reads', '0']
  const { code, stdout } = await headwater('capacity', ...load, '--constants', constants, '--json', json)
  expect(code).toBe(0)
  expect(stdout).toContain(constants)
  // Ten events a second, each of a second.
  const { plan, constants: used, demand } = JSON.parse(readFileSync(json, 'utf8'))
  expect(plan.readers.processors).toBeCloseTo(10, 9)
  expect(used.eventUs).toEqual({ value: 1e6, command: 'my own' })
  expect(demand).toMatchObject({ users: 86_400, events: 10, codec: 'fp16' })
})

test('a GPU of your own changes the encoders alone', async () => {
  const load = ['--users', '1e9', '--refreshes', '10']
  const { stdout } = await headwater('capacity', ...load, '--encode-users-per-second', '1e6')
  // 115,741 refreshes a second at .6 of a million.
  expect(stdout).toContain('encoders   1, of 1,000,000 users a second each')
})

test.each([
  [['--users', '0'], 2, 'Give a whole number from 1'],
  [['--users', 'many'], 2, 'Give a whole number from 1'],
  [['--reads', '-1'], 2, 'Give a number from 0'],
  [['--fill', '2'], 2, 'Give a number from 0.05 to 1.'],
  [['--codec', 'fp8'], 2, 'Allowed choices are fp16, int8'],
  [['--encode-users-per-second', '0'], 2, 'above 0'],
  [['--constants', '/nowhere'], 1, 'cannot be read'],
])('refuses %s', async (args, code, message) => {
  const ran = await headwater('capacity', ...args)
  expect(ran.code).toBe(code)
  expect(ran.stderr).toContain(message)
})
