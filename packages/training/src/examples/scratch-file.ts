/** A file that lives as long as it is open: bytes are appended, and read back in any order. */
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'

export class ScratchFile {
  readonly #path: string
  readonly #file: number
  #sizeBytes = 0

  /** @param path a file that must not exist; it is removed by `close` */
  constructor(path: string) {
    this.#path = path
    this.#file = openSync(path, 'wx+', 0o600)
  }

  /** Appends the first `sizeBytes` bytes of `data`. */
  append(data: Uint32Array, sizeBytes: number): void {
    for (let done = 0; done < sizeBytes; )
      done += writeSync(this.#file, data, done, sizeBytes - done, this.#sizeBytes + done)
    this.#sizeBytes += sizeBytes
  }

  /** Reads into `data` from its byte `at` on. @returns false where the file ends before that */
  read(data: Uint32Array, at: number, sizeBytes: number, position: number): boolean {
    return readSync(this.#file, data, at, sizeBytes, position) === sizeBytes
  }

  close(): void {
    closeSync(this.#file)
    rmSync(this.#path, { force: true })
  }
}
