/** A process to be killed in a directory: `node crash-job.ts log|forget|publish|promote`. It says what it acknowledges. */
import { writeSync } from 'node:fs'
import { promoteSnapshot, servedSnapshot, serveSnapshot } from '@headwater/snapshot'
import { eventOf, linesIn, openEvents, openWorld, publishNext } from './world.ts'

/** Written at once: what is printed was acknowledged, whatever happens next. */
const say = (text: string) => writeSync(1, `${text}\n`)

const wholeLog = 14

const jobs: Readonly<Record<string, () => Promise<void>>> = {
  /** Appends events 1 … 14 in pairs, from the last pair of which the log has something: its caller may not know. */
  log: async () => {
    const held = linesIn('events').length
    const from = Math.max(1, held % 2 === 0 ? held - 1 : held)
    const log = await openEvents('.', (error) => say(`warning ${(error as Error).name}`))
    for (let n = from; n <= wholeLog; n += 2) {
      await log.append([eventOf(`user-${n}`, `${n}`), eventOf(`user-${n + 1}`, `${n + 1}`)])
      say(`acknowledged ${n + 1}`)
    }
    await log.close()
  },
  forget: async () => {
    const world = await openWorld('.')
    const { failed } = await world.store.forget('someone')
    for (const { where, reason } of failed) say(`failed ${where}: ${reason}`)
    await world.close()
    if (failed.length > 0) process.exit(1)
    say('acknowledged')
  },
  publish: async () => {
    const snapshot = await publishNext('model', ['ann', 'bob'])
    await serveSnapshot('model', snapshot, 'gate')
    say(`acknowledged ${snapshot}`)
  },
  promote: async () => {
    if ((await servedSnapshot('model')) !== 2) await promoteSnapshot('model', 2, false)
    say('acknowledged')
  },
}

try {
  await jobs[process.argv[2]]()
  process.exit()
} catch (error) {
  // As the command tells its own errors from bugs.
  const isBug = [Error, TypeError, RangeError].some((type) => (error as Error).constructor === type)
  process.stderr.write(
    isBug && !('syscall' in (error as Error)) ? `bug of Headwater: ${(error as Error).stack}` : `${error}`,
  )
  process.exit(1)
}
