import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { openStore } from '../src/index.ts'
import { CrashModel, heldBy } from './crash-model.ts'
import { drawing } from './crash-operations.ts'

export interface CrashRound {
  readonly round: number
  /** What was killed. */
  readonly killed: 'writer' | 'compaction'
  /** Operation up to which the writer knew all to be on the disk. */
  readonly acknowledged: number
  /** Operation up to which the store holds all, and nothing of any after it. */
  readonly held: number
  readonly records: number
}

/** An operation that was acknowledged is lost, or something is half there. */
export class CrashError extends Error {
  override name = 'CrashError'
}

/** Operations that may have reached the disk without the word of it reaching anybody. */
const maxUnacknowledged = 400

/**
 * Has a process write to a store, or compact it, kills it at a random point, and checks what it left: again and again on
 * the same store. What is held must be what all operations up to one give, and none after it, and that one no earlier than
 * the last one acknowledged.
 *
 * @throws CrashError
 */
export async function crashRounds(
  path: string,
  rounds: number,
  seed: number,
  onRound?: (round: CrashRound) => void,
): Promise<readonly CrashRound[]> {
  const model = new CrashModel(seed)
  const done: CrashRound[] = []
  // Each starts while the one before runs: most of a round is a process coming up.
  let next = new Victim(path, seed)
  try {
    for (let round = 1; round <= rounds; round++) {
      const victim = next
      next = new Victim(path, seed)
      const draw = drawing(seed, -round)
      const compaction = round % 4 === 0
      const command = compaction ? 'compact' : `write ${model.done + 1}`
      const lines = await victim.run(command, compaction ? draw(4) : draw(60), draw(compaction ? 60 : 12))
      const acknowledged = compaction ? model.done : Number(lines.at(-1) ?? model.done)
      while (model.done < acknowledged) model.advance()

      const store = await openStore(`lmdb:${path}`)
      try {
        const { records, faults } = await store.check()
        if (faults.length > 0)
          throw failure(seed, round, `check found ${faults.length} faults: ${faults[0].error.message}`)
        const held = await heldBy(store)
        const last = compaction ? acknowledged : acknowledged + maxUnacknowledged
        while (model.held() !== held && model.done < last) model.advance()
        if (model.held() !== held) {
          throw failure(
            seed,
            round,
            `the store is not as after any operation from ${acknowledged} on; it holds ${held}`,
          )
        }
        done.push({ round, killed: compaction ? 'compaction' : 'writer', acknowledged, held: model.done, records })
        onRound?.(done[done.length - 1])
      } finally {
        await store.close()
      }
    }
  } finally {
    await next.end()
  }
  return done
}

function failure(seed: number, round: number, what: string): CrashError {
  return new CrashError(`seed ${seed}, round ${round}: ${what}`)
}

/** A process of `crash-writer.ts`. */
class Victim {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  readonly #ended: Promise<NodeJS.Signals | null>
  #output = ''
  #onOutput = () => {}

  constructor(path: string, seed: number) {
    this.#process = spawn(
      process.execPath,
      ['--conditions=@headwater/source', '--import', 'tsx', 'testing/crash-writer.ts', path, String(seed)],
      { cwd: join(import.meta.dirname, '..'), stdio: ['pipe', 'pipe', 'inherit'] },
    )
    this.#process.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.#output += chunk
      this.#onOutput()
    })
    this.#ended = new Promise((resolve) => this.#process.on('close', (_, signal) => resolve(signal)))
  }

  /** Runs a command, kills the process some time after `lines` lines, and gives all whole lines. @throws CrashError */
  async run(command: string, lines: number, delayMs: number): Promise<readonly string[]> {
    let killing = false
    this.#onOutput = () => {
      // `ready` is a line too.
      if (killing || this.#lines().length <= lines) return
      killing = true
      setTimeout(() => this.#process.kill('SIGKILL'), delayMs)
    }
    this.#process.stdin.write(`${command}\n`)
    this.#onOutput()
    if ((await this.#ended) !== 'SIGKILL') throw new CrashError(`the process told to ${command} ended by itself`)
    return this.#lines().slice(1)
  }

  async end(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#ended
  }

  /** What follows the last line break was cut short. */
  #lines(): readonly string[] {
    return this.#output.split('\n').slice(0, -1)
  }
}
