/** A model config that cannot be used: what is wrong with it, where, and what to do. */
export class ModelConfigError extends Error {
  override readonly name = 'ModelConfigError'
  /** File or object that the config came from. */
  readonly source: string
  /** Place inside it, as in `user.levels[1].mlp.hidden`; `(root)` for the whole. */
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
