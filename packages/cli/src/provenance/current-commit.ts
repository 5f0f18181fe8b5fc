import { execFileSync } from 'node:child_process'

/** Commit of the code that runs, with `-dirty` where files differ from it; null outside a checkout. */
export function currentCommit(): string | null {
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== ''
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? '-dirty' : ''}`
  } catch {
    return null
  }
}

function git(...words: string[]): string {
  return execFileSync('git', words, {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim()
}
