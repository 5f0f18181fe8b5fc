/** What a command keeps to itself: with `--quiet` its progress and hints; hints alone where another command goes on. */
let quiet: 'all' | 'hints' | 'nothing' = 'nothing'

export function keepQuiet(about: typeof quiet): void {
  quiet = about
}

export const isQuiet = (about: 'progress' | 'hints') => quiet === 'all' || quiet === about
