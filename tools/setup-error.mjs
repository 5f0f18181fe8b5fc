/** Set-up cannot go on by itself: the message says why, `remedy` what a person can do about it. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {string} remedy commands to run, a line each
   * @param {ErrorOptions} [options]
   */
  constructor(message, remedy, options) {
    super(message, options)
    this.name = 'SetupError'
    this.remedy = remedy
  }
}
