import { constants, type FileHandle, open } from 'node:fs/promises'
import { Exclusive } from './exclusive.ts'
import { fileMode } from './log-directory.ts'

const stateBytes = 256

/** How far a log got, in a small file that is written over in place and read after a crash. */
export class StateFile<State extends object> {
  readonly #file: FileHandle
  readonly #exclusive = new Exclusive()
  #state: State

  private constructor(file: FileHandle, state: State) {
    this.#file = file
    this.#state = state
  }

  /** @param unknown the state where there is no file yet, or it cannot be read */
  static async open<State extends object>(path: string, unknown: State): Promise<StateFile<State>> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, fileMode)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(stateBytes), 0, stateBytes, 0)
      return new StateFile(file, parsed(buffer.toString('utf8', 0, bytesRead)) ?? unknown)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  get state(): State {
    return this.#state
  }

  /** Notes what differs from before, which the next process finds, though after a loss of power it may not. */
  note(change: Partial<State>): Promise<void> {
    this.#state = { ...this.#state, ...change }
    return this.#exclusive.run(async () => {
      await this.#file.write(Buffer.from(JSON.stringify(this.#state).padEnd(stateBytes)), 0, stateBytes, 0)
    })
  }

  /** What was noted is on the disk. */
  sync(): Promise<void> {
    return this.#exclusive.run(() => this.#file.datasync())
  }

  close(): Promise<void> {
    return this.#exclusive.run(() => this.#file.close())
  }
}

function parsed<State>(text: string): State | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
