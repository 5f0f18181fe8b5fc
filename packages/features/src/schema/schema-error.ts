/** A schema that cannot be used: what is wrong with it, where, and what to do. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
  /** File or object that the schema came from. */
  readonly source: string
  /** Place inside it, as in `fields[3].by`; `(root)` for the whole. */
  readonly path: string
  readonly reason: string
  readonly remedy: string

  constructor(source: string, path: string, reason: string, remedy: string) {
    super(`${source}: ${path}: ${reason}; ${remedy}`)
    this.source = source
    this.path = path
    this.reason = reason
    this.remedy = remedy
  }
}
