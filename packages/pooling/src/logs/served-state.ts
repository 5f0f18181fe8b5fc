import { constants, type FileHandle, open } from 'node:fs/promises'

/** How far a served log got, for whoever opens it after a crash. Rows are counted since the log's beginning. */
export interface ServedProgress {
  /** First row of the open file. */
  readonly first: number
  /** Of the open file that are on the disk. */
  readonly bytes: number
  readonly written: number
  readonly recorded: number
}

const fileBytes = 256

/** A small file that is written over at every write of the log. */
export class ServedState {
  readonly #file: FileHandle

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async open(path: string): Promise<ServedState> {
    return new ServedState(await open(path, constants.O_RDWR | constants.O_CREAT))
  }

  /** Null where there is none, or none that can be read. */
  async read(): Promise<ServedProgress | null> {
    const text = Buffer.alloc(fileBytes)
    const { bytesRead } = await this.#file.read(text, 0, fileBytes, 0)
    try {
      return bytesRead === fileBytes ? JSON.parse(text.toString()) : null
    } catch {
      return null
    }
  }

  async write(progress: ServedProgress): Promise<void> {
    await this.#file.write(Buffer.from(JSON.stringify(progress).padEnd(fileBytes)), 0, fileBytes, 0)
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
