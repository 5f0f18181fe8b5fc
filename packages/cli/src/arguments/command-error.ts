/** What a command was asked for cannot be. The message says what, where and what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}
