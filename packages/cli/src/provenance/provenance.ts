/** What a report says of the run that made it. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Version of the command's package. */
export const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** The command line of this process. */
export const commandLine = () => `headwater ${process.argv.slice(2).join(' ')}`

/** What to record of a run that starts now. */
export const provenance = () => ({
  version,
  commit: currentCommit(),
  command: commandLine(),
  startedAt: new Date().toISOString(),
})

/** Version and commit of the code that runs, in words. */
export function codeVersion(): string {
  const commit = currentCommit()
  return commit === null ? version : `${version} ${commit}`
}

/** Commit of the code that runs, with `-dirty` where files differ from it, results left out; null outside a checkout. */
function currentCommit(): string | null {
  try {
    const results = ':(top,exclude)docs/results'
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', ':(top)', results) !== ''
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? '-dirty' : ''}`
  } catch {
    return null
  }
}

const git = (...words: string[]) =>
  execFileSync('git', words, {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim()
