import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkedProjects } from './typecheck.mjs'
import { inWorkspace } from './workspace.mjs'

/** @param {string} path @returns {{ include: string[], compilerOptions?: object }} */
const configAt = (path) => JSON.parse(readFileSync(inWorkspace(path), 'utf8'))

test('what a folder checks by itself is checked at once with all others', () => {
  const inside = (/** @type {string} */ folder) => readdirSync(inWorkspace(folder)).map((name) => join(folder, name))
  const folders = [...inside('packages'), 'packages/service/console', ...inside('examples'), 'bench', 'tools']
  const together = configAt('tsconfig.check.json')
  expect(together.compilerOptions).toBeUndefined()
  const missing = folders.flatMap((folder) => {
    if (checkedProjects.includes(folder) || !existsSync(inWorkspace(`${folder}/tsconfig.json`))) return []
    const { include, compilerOptions } = configAt(`${folder}/tsconfig.json`)
    // Options of its own would not hold for it there.
    if (compilerOptions !== undefined) return [folder]
    const paths = include.map((name) => join(folder, name).replace(/\/$/, ''))
    return paths.filter((path) => !together.include.some((pattern) => covers(pattern, path)))
  })
  expect(missing).toEqual([])
})

/** @param {string} pattern a folder's, where * stands for any name @param {string} path */
function covers(pattern, path) {
  const names = path.split('/')
  return pattern.split('/').every((name, i) => name === '*' || name === names[i])
}
