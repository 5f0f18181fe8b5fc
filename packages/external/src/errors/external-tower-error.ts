/** A model that was made elsewhere, or its map, that cannot be a tower: where, what is wrong, and what to do. */
export class ExternalTowerError extends Error {
  override readonly name = 'ExternalTowerError'
  /** Of the model, that it is about; null where it is about none of them. */
  readonly input: string | null

  /** @param source file or directory @param input null for none */
  constructor(source: string, input: string | null, reason: string, remedy: string, options?: ErrorOptions) {
    super(`${source}: ${input === null ? '' : `input "${input}": `}${reason}; ${remedy}`, options)
    this.input = input
  }
}
