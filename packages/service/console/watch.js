/** What only shows to a page that goes on looking: what has come of a counter, and how long something has lasted. */

/**
 * @typedef {object} Seen
 * @property {number} refusals requests that overload has cost callers lately, as far as the page has looked
 * @property {number} stuckMs how long refreshes have been due without one being written; 0 where it is not long
 */

const latelyMs = 900e3
const patienceMs = 10e3

export class Watch {
  /** Earliest first. @type {{ atMs: number, count: number }[]} */
  #counts = []
  #startedMs = 0
  /** @type {number | null} */
  #dueSinceMs = null

  /**
   * @param {any} data
   * @param {import('./history.js').Columns} recent
   * @returns {Seen}
   */
  look(data, recent) {
    // Another process counts anew.
    if (data.startedMs !== this.#startedMs) {
      this.#counts = []
      this.#dueSinceMs = null
    }
    this.#startedMs = data.startedMs
    return { refusals: this.#refusals(data), stuckMs: this.#stuck(data, recent) }
  }

  /** @param {any} data */
  #refusals({ service, nowMs }) {
    if (service === null) return 0
    const of = service.filter((/** @type {any} */ { name }) => name === 'headwater_requests_shed_total')
    const count = of.reduce((/** @type {number} */ sum, /** @type {any} */ { value }) => sum + value, 0)
    this.#counts.push({ atMs: nowMs, count })
    while (nowMs - this.#counts[0].atMs > latelyMs) this.#counts.shift()
    return count - this.#counts[0].count
  }

  /**
   * @param {any} data
   * @param {import('./history.js').Columns} recent
   */
  #stuck({ queue, nowMs }, { atMs, landed }) {
    const sinceMs = this.#dueSinceMs ?? nowMs
    const isWritten = atMs.some((ms, i) => ms !== null && ms > sinceMs && (landed[i] ?? 0) > 0)
    if (queue.due === 0) this.#dueSinceMs = null
    else this.#dueSinceMs = isWritten ? nowMs : sinceMs
    const stuckMs = this.#dueSinceMs === null ? 0 : nowMs - this.#dueSinceMs
    return stuckMs >= patienceMs ? stuckMs : 0
  }
}
