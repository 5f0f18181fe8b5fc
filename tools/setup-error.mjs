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

/** @param {unknown} error */
export function reportSetupError(error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`\nSet-up stopped: ${error.message}\n\n${error.remedy.replace(/^/gm, '    ')}\n\n`)
}
