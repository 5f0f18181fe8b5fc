/** The checkpoints of a training in their directory: written behind its back, a few kept, the newest good one found. */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { GpuDevice } from '@headwater/gpu'
import { removeLeftovers } from '@headwater/snapshot'
import { CheckpointError } from './checkpoint-error.ts'
import {
  CheckpointFile,
  type CheckpointSettings,
  partialCheckpoint,
  type RunState,
  writeCheckpoint,
} from './checkpoint-file.ts'
import { firstDifference } from './settings.ts'
import { type NamedBuffer, StagedBuffers } from './staged-buffers.ts'

export interface CheckpointsOptions {
  readonly device: GpuDevice
  /** Made where it is not there. */
  readonly directory: string
  readonly settings: CheckpointSettings
  /** Checkpoints kept, the newest ones: more than one, in case the disk spoils it. */
  readonly keep?: number
  /** Called with what went wrong and does not stop the training: a checkpoint that could not be written, or was refused. */
  readonly onWarning: (message: string) => void
}

/**
 * Steps after which the copies of a save are done for sure, as no more are in flight. Asking for them sooner would have
 * Dawn poll until they are, which a software adapter pays for with one of its cores.
 */
const stepsUntilCopied = 2

const namePattern = /^checkpoint-(\d{6,})\.bin$/

export class Checkpoints {
  readonly #options: Required<CheckpointsOptions>
  #next: number
  #writing: Promise<void> = Promise.resolve()
  /** Lets the last save be read and written; null where that has begun. */
  #begin: (() => void) | null = null
  #stepsLeft = 0

  private constructor(options: CheckpointsOptions, next: number) {
    this.#options = { keep: 3, ...options }
    this.#next = next
  }

  /** @throws CheckpointError where the directory cannot be made or read */
  static async open(options: CheckpointsOptions): Promise<Checkpoints> {
    try {
      await mkdir(options.directory, { recursive: true })
      await removeLeftovers(options.directory, partialCheckpoint)
      return new Checkpoints(options, ((await numbers(options.directory)).at(-1) ?? 0) + 1)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      throw new CheckpointError(`${options.directory} cannot hold checkpoints (${code}): choose another place.`, {
        cause,
      })
    }
  }

  /**
   * Copies the state on the device, and writes it to the disk in the background: after two more calls of `stepped`, or when
   * `settled` is called. Resolves as soon as training may go on: at once, or when the checkpoint before has been written. A
   * checkpoint that cannot be written is a warning; those before it stay.
   */
  async save(state: RunState, buffers: readonly NamedBuffer[]): Promise<void> {
    // Taken before anything is waited for: the state must not move on under the copy.
    let staged: StagedBuffers | null = null
    const { device, settings, onWarning } = this.#options
    try {
      staged = new StagedBuffers(device, buffers)
    } catch (cause) {
      device.check()
      onWarning(`No checkpoint was made. ${(cause as Error).message}`)
      return
    }
    await this.settled()
    const copies = staged
    const begun = new Promise<void>((resolve) => {
      this.#begin = resolve
    })
    this.#stepsLeft = stepsUntilCopied
    this.#writing = begun
      .then(() => this.#write({ settings, state, buffers: copies.sizes }, copies))
      .catch((cause: Error) => onWarning(cause.message))
      .finally(() => copies.release())
  }

  /** To be called after every step: the second call after a save begins its writing. */
  stepped(): void {
    if (this.#begin && --this.#stepsLeft <= 0) this.#beginWriting()
  }

  #beginWriting(): void {
    this.#begin?.()
    this.#begin = null
  }

  /** Waits until everything saved is on the disk, or was warned of. */
  async settled(): Promise<void> {
    this.#beginWriting()
    await this.#writing
  }

  async #write(header: Parameters<typeof writeCheckpoint>[2], staged: StagedBuffers): Promise<void> {
    const { directory, keep } = this.#options
    const number = this.#next++
    const partial = join(directory, `.checkpoint-${number}-${process.pid}.partial`)
    await writeCheckpoint(pathOf(directory, number), partial, header, staged.chunks())
    for (const old of (await numbers(directory)).slice(0, -keep)) await rm(pathOf(directory, old), { force: true })
  }

  /**
   * The newest checkpoint that is whole and of the same settings; those that are not are warned of. Null where there are
   * none at all.
   * @throws CheckpointError where there are some, and none can be used
   */
  async newest(): Promise<CheckpointFile | null> {
    const { directory, settings, onWarning } = this.#options
    // As JSON, which is how a checkpoint holds them.
    const now = JSON.parse(JSON.stringify(settings))
    const refused: string[] = []
    for (const number of (await numbers(directory)).reverse()) {
      try {
        const file = await CheckpointFile.open(pathOf(directory, number))
        const difference = firstDifference(file.header.settings, now)
        if (difference === null) {
          for (const message of refused) onWarning(`${message} The one before is used.`)
          return file
        }
        await file.close()
        refused.push(
          `Checkpoint ${file.path} is of another training: ${difference}. Give what it was made with, or start in a new directory.`,
        )
      } catch (cause) {
        if (!(cause instanceof CheckpointError)) throw cause
        refused.push(cause.message)
      }
    }
    if (refused.length > 0) throw new CheckpointError(`No checkpoint can be gone on from. ${refused.join(' ')}`)
    return null
  }
}

const pathOf = (directory: string, number: number) =>
  join(directory, `checkpoint-${String(number).padStart(6, '0')}.bin`)

/** Of the checkpoints that are there, oldest first. */
async function numbers(directory: string): Promise<number[]> {
  const found = (await readdir(directory)).flatMap((name) => namePattern.exec(name)?.[1] ?? [])
  return found.map(Number).sort((a, b) => a - b)
}
