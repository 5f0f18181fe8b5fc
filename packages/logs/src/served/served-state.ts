import { constants, type FileHandle, open } from 'node:fs/promises'
import { Exclusive } from '../directory/exclusive.ts'

/** How far a served log got, which is read after a crash. Rows are counted since the log's beginning. */
export interface ServedProgress {
  /** First row of the open file; null where none was written to since the log was opened. */
  readonly first: number | null
  /** Of the open file that are on the disk. */
  readonly bytes: number
  readonly written: number
  readonly recorded: number
}

const progressBytes = 256

/** A small file that is written over at every write of the log, and between them for what was recorded. */
export class ServedState {
  readonly #file: FileHandle
  readonly #exclusive = new Exclusive()
  #progress: ServedProgress = { first: null, bytes: 0, written: 0, recorded: 0 }

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /** What cannot be read counts as nothing. */
  static async open(path: string): Promise<ServedState> {
    const state = new ServedState(await open(path, constants.O_RDWR | constants.O_CREAT))
    const { buffer, bytesRead } = await state.#file.read(Buffer.alloc(progressBytes), 0, progressBytes, 0)
    try {
      state.#progress = JSON.parse(buffer.toString('utf8', 0, bytesRead))
    } catch {
      // It is new, or damaged.
    }
    return state
  }

  get progress(): ServedProgress {
    return this.#progress
  }

  write(progress: ServedProgress): Promise<void> {
    this.#progress = progress
    return this.#exclusive.run(async () => {
      await this.#file.write(Buffer.from(JSON.stringify(this.#progress).padEnd(progressBytes)), 0, progressBytes, 0)
    })
  }

  /** Notes how much was recorded, for what is lost with the process to be counted. */
  count(recorded: number): Promise<void> {
    return this.write({ ...this.#progress, recorded })
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
