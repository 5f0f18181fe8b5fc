import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

const opening = (/** @type {string} */ owner) => `# ${owner}, written by npm run setup`
const closing = (/** @type {string} */ owner) => `# end of ${owner}`

/**
 * The text of an environment file with one owner's block replaced; an empty block is left out. Other lines stay.
 * @param {string} text
 * @param {string} owner
 * @param {Readonly<Record<string, string>>} variables
 */
export function replaceBlock(text, owner, variables) {
  const lines = text.split('\n')
  const start = lines.indexOf(opening(owner))
  const end = lines.indexOf(closing(owner), start)
  if (start >= 0 && end > start) lines.splice(start, end - start + 1)
  while (lines.at(-1) === '') lines.pop()
  const entries = Object.entries(variables)
  if (entries.length > 0) {
    const assignments = entries.map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    lines.push(opening(owner), ...assignments, closing(owner))
  }
  return lines.length > 0 ? `${lines.join('\n')}\n` : ''
}

/** @param {string} file made if missing @param {string} owner @param {Readonly<Record<string, string>>} variables */
export function writeBlock(file, owner, variables) {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const after = replaceBlock(before, owner, variables)
  if (after === before) return
  writeFileSync(`${file}.partial`, after)
  renameSync(`${file}.partial`, file)
}
