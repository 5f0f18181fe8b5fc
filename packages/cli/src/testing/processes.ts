/** What runs on this machine: by `/proc` where there is one, as a bare Linux has no `ps`, and else by `ps`. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

interface Process {
  readonly pid: number
  readonly parent: number
  /** A letter: `Z` of one that has ended and was not waited for. */
  readonly state: string
  readonly command: string
}

/** Processes that a process has started, and those that they have. */
export function descendantsOf(pid: number): readonly Process[] {
  const all = processes()
  const below = (parent: number): Process[] =>
    all.filter((own) => own.parent === parent).flatMap((own) => [own, ...below(own.pid)])
  return below(pid)
}

export function isRunning(pid: number): boolean {
  return processes().some((own) => own.pid === pid && own.state !== 'Z')
}

function processes(): Process[] {
  if (existsSync('/proc/self/stat')) return readdirSync('/proc').flatMap(processOf)
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' }).trim().split('\n')
  return lines.map((line) => {
    const [, pid, parent, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S)\S*\s+(.*)$/.exec(line)!
    return { pid: Number(pid), parent: Number(parent), state, command }
  })
}

/** None where the name is not a process's, or it has ended meanwhile. */
function processOf(name: string): Process[] {
  if (!/^\d+$/.test(name)) return []
  try {
    // The program's name, in brackets, may have brackets and blanks.
    const [state, parent] = readFileSync(`/proc/${name}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    return [{ pid: Number(name), parent: Number(parent), state, command }]
  } catch {
    return []
  }
}
