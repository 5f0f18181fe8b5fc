import { readFileSync } from 'node:fs'

/** A service needs some 180 before its first connection, as its modules are read many at a time. */
const leastOpenFiles = 256

/**
 * What is wrong with the files that a process may have open, null where nothing is or nobody can tell.
 * @param {string} [limits] of this process, as Linux lists them; Node has raised its soft limit to the hard one by now
 * @returns {string | null}
 */
export function openFilesProblem(limits = ownLimits()) {
  const most = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity)
  if (most >= leastOpenFiles) return null
  return (
    `${most} files may be open at once, and ${leastOpenFiles} are needed at least, a service needs one more for each connection: ` +
    'raise the limit (`ulimit -n 4096`, LimitNOFILE= of systemd, --ulimit nofile=4096 of Docker) and start again'
  )
}

function ownLimits() {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}
