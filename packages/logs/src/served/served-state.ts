import { constants, type FileHandle, open } from 'node:fs/promises'

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
/** Behind the progress: rows recorded, which is written more often. */
const recordedBytes = 8

/** A small file that is written over at every write of the log. */
export class ServedState {
  readonly #file: FileHandle

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async open(path: string): Promise<ServedState> {
    return new ServedState(await open(path, constants.O_RDWR | constants.O_CREAT))
  }

  /** Null where nothing was written, or nothing that can be read; and the rows that were recorded at least. */
  async read(): Promise<{ readonly progress: ServedProgress | null; readonly recorded: number }> {
    const bytes = Buffer.alloc(progressBytes + recordedBytes)
    const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, 0)
    const value = bytesRead === bytes.length ? bytes.readDoubleLE(progressBytes) : 0
    const counted = Number.isSafeInteger(value) ? value : 0
    const progress = parseProgress(bytes.toString('utf8', 0, Math.min(bytesRead, progressBytes)))
    return { progress, recorded: Math.max(counted, progress?.recorded ?? 0) }
  }

  async write(progress: ServedProgress): Promise<void> {
    await this.#file.write(Buffer.from(JSON.stringify(progress).padEnd(progressBytes)), 0, progressBytes, 0)
  }

  /** Notes how much was recorded, for what is lost with the process to be counted. */
  async count(recorded: number): Promise<void> {
    const bytes = Buffer.alloc(recordedBytes)
    bytes.writeDoubleLE(recorded)
    await this.#file.write(bytes, 0, recordedBytes, progressBytes)
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

function parseProgress(text: string): ServedProgress | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
