import { createHash } from 'node:crypto'
import type { Schema } from '../schema/schema.ts'
import type { LogEvent } from './event.ts'

/** Tells logs apart: a hash of the schema and of every event so far, in their order. */
export class LogDigest {
  readonly #hash = createHash('sha256')
  #rows = 0

  constructor(schema: Schema) {
    this.#hash.update(JSON.stringify(schema))
  }

  get rows(): number {
    return this.#rows
  }

  add({ user, item, timeMs, values }: LogEvent): void {
    const plain = values.map((own) => (ArrayBuffer.isView(own) ? Array.from(own as Float32Array) : own))
    this.#hash.update(JSON.stringify([user, item, timeMs, plain]))
    this.#rows++
  }

  /** 24 hexadecimal digits, of the events so far. */
  get hex(): string {
    return this.#hash.copy().digest('hex').slice(0, 24)
  }
}
