import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { codeVersion, reading } from './code-version.ts'

const source = fileURLToPath(new URL('../../', import.meta.url))
/** Writes numbers into titles and messages. */
const words = join(source, 'report', 'format.ts')

/** Files of this package that a file's code needs, types left out. */
function neededBy(file: string): string[] {
  const imports = readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type )[^']*from '(\.[^']+)'/gm)
  return [...imports].map(([, path]) => join(dirname(file), path))
}

test('all code that arms need is in the hash', () => {
  const arms = join(source, 'lab', 'arms')
  const names = readdirSync(arms).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  const needed = new Set(names.map((name) => join(arms, name)))
  for (const file of needed) for (const other of neededBy(file)) if (other !== words) needed.add(other)
  expect(needed.size).toBeGreaterThan(30)
  const folders = (file: string) => relative(source, file).split(sep).slice(0, -1)
  expect([...needed].filter((file) => folders(file).some((folder) => reading.has(folder)))).toEqual([])
  expect(codeVersion()).toMatch(/^[0-9a-f]{24}$/)
})
