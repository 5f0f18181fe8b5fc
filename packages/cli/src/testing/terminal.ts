/** The command in a terminal of its own. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { stripVTControlCharacters } from 'node:util'
import { launcher } from './child.ts'

/** util-linux', as Linux systems have it; what others call so takes other options. */
const hasScript = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') === true

interface Terminal {
  /** All that was shown, without colours and moves of the cursor. */
  readonly text: string
  /** The same as it was sent. */
  readonly raw: string
  type(keys: string): void
  /** Resolves once a text is shown behind all that was waited for before. @throws Error where the command ends first */
  shows(text: string): Promise<void>
  /** Exit code. */
  readonly exited: Promise<number>
}

/** Starts `headwater` in a terminal. @returns null, and says so, where none can be made */
export function inTerminal(args: readonly string[], cwd: string): Terminal | null {
  if (!hasScript) {
    console.log('not applicable: a terminal, as there is no script of util-linux')
    return null
  }
  const { INIT_CWD, ...env } = process.env
  const words = [process.execPath, ...launcher, ...args].map((word) => `'${word}'`)
  const command = ['--quiet', '--flush', '--return', '--command', `exec ${words.join(' ')}`, '/dev/null']
  const child = spawn('script', command, { cwd, env: { ...env, SHELL: '/bin/sh', TERM: 'xterm' } })
  let raw = ''
  let seen = 0
  let hasEnded = false
  child.stdout.on('data', (bytes) => {
    raw += bytes
  })
  const exited = once(child, 'close').then(([code]) => {
    hasEnded = true
    return code as number
  })
  const plain = () => stripVTControlCharacters(raw)
  return {
    get text() {
      return plain()
    },
    get raw() {
      return raw
    },
    type: (keys) => void child.stdin.write(keys),
    async shows(text) {
      for (;;) {
        const at = plain().indexOf(text, seen)
        if (at >= 0) {
          seen = at + text.length
          return
        }
        if (hasEnded) throw new Error(`the command ended before "${text}":\n${plain()}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    exited,
  }
}
