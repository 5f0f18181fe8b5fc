/** Set-up cannot go on by itself: the message says why, `remedy` what a person can do about it, a command a line. */
export class SetupError extends Error {
  /** @param {string} message @param {string} remedy */
  constructor(message, remedy) {
    super(message)
    this.name = 'SetupError'
    this.remedy = remedy
  }
}
