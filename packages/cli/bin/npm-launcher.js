import { existsSync, readFileSync, readlinkSync } from 'node:fs'

/** How often the launcher is looked for: npm passes no signal on to what it started, and says nothing when it is killed. */
const lookMs = 300
/** Between npm and this process there may be a shell. */
const mostShells = 2

/**
 * Calls `onGone` once when npm or npx, which started this process, has ended. Does nothing where another program started
 * it, or where it was detached on purpose: by nohup, or by setsid or a service manager, which give the launcher a session of
 * its own.
 * @param {() => void} onGone
 * @returns {() => void} ends the looking
 */
export function watchNpm(onGone) {
  const { ppid } = process
  const npm = npmAbove(ppid)
  if (npm === undefined || ignoresHangUp() || sessionOf(process.pid) === npm) return () => {}
  const timer = setInterval(() => {
    if (process.ppid === ppid && npmAbove(ppid) === npm) return
    clearInterval(timer)
    onGone()
  }, lookMs)
  timer.unref()
  return () => clearInterval(timer)
}

/**
 * Whether nohup started this process at a terminal, in whose place it leaves an input that can only be written. That it has
 * SIGHUP ignored cannot be seen: Node takes that back.
 */
export function ignoresHangUp() {
  const flags = read('/proc/self/fdinfo/0')?.match(/^flags:\s*[0-7]*([0-7])$/m)?.[1]
  return flags !== undefined && (Number(flags) & 3) === 1 && targetOf('/proc/self/fd/0') === '/dev/null'
}

/**
 * The npm that a process is, or that is above its shells. Where there is no /proc, the process itself stands for it.
 * @param {number} pid
 * @returns {number | undefined}
 */
function npmAbove(pid) {
  if (!existsSync('/proc/self/stat')) return process.env.npm_command === undefined ? undefined : pid
  for (let each = pid, shells = 0; each > 1 && shells <= mostShells; each = parentOf(each), shells++)
    if (/^np[mx]\b/.test(read(`/proc/${each}/comm`) ?? '')) return each
  return undefined
}

/** @param {number} pid */
const parentOf = (pid) => Number(statOf(pid)?.[1] ?? 0)

/** @param {number} pid */
const sessionOf = (pid) => Number(statOf(pid)?.[3] ?? 0)

/**
 * State, parent, process group and session of a process.
 * @param {number} pid
 */
function statOf(pid) {
  const stat = read(`/proc/${pid}/stat`)
  // The name before may hold anything, ")" too.
  return stat?.slice(stat.lastIndexOf(') ') + 2).split(' ', 4)
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** @param {string} path */
function targetOf(path) {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
