/** Arms' results on disk, each under the hash of all that decides it: one that is there is not run again. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArmOutcome } from '../arms/arm.ts'

interface OutcomeFile extends Omit<ArmOutcome, 'columns'> {
  /** Their lengths. */
  readonly columns: Readonly<Record<string, number>>
}

const fileName = 'outcome.json'

export class ArmCache {
  readonly directory: string

  constructor(directory: string) {
    this.directory = directory
  }

  has(hash: string): boolean {
    return existsSync(join(this.directory, hash, fileName))
  }

  /** Null where the arm was not run, or what it left cannot be read: then it is run again. */
  read(hash: string): ArmOutcome | null {
    if (!this.has(hash)) return null
    const own = join(this.directory, hash)
    try {
      const { columns, figures, warnings } = JSON.parse(readFileSync(join(own, fileName), 'utf8')) as OutcomeFile
      const read = Object.entries(columns).map(([name, length], i) => {
        const bytes = readFileSync(join(own, `${i}.f32`))
        if (bytes.length !== length * 4) throw new RangeError(`${name} has ${bytes.length} bytes`)
        const values = new Float32Array(length)
        new Uint8Array(values.buffer).set(bytes)
        return [name, values] as const
      })
      return { columns: Object.fromEntries(read), figures, ...(warnings && { warnings }) }
    } catch {
      return null
    }
  }

  /** Appears whole or not at all. */
  write(hash: string, about: unknown, { columns, ...others }: ArmOutcome): void {
    const own = join(this.directory, hash)
    const partial = `${own}.partial`
    rmSync(partial, { recursive: true, force: true })
    mkdirSync(partial, { recursive: true })
    for (const [i, values] of Object.values(columns).entries())
      writeFileSync(join(partial, `${i}.f32`), new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    const lengths = Object.fromEntries(Object.entries(columns).map(([name, { length }]) => [name, length]))
    writeFileSync(join(partial, fileName), `${JSON.stringify({ about, columns: lengths, ...others }, null, 2)}\n`)
    rmSync(own, { recursive: true, force: true })
    renameSync(partial, own)
  }
}
