/** What matters first: whether reads are fresh, whether anything is wrong, and which snapshot is served. */
import { byId, element, say } from './dom.js'
import { count, duration, moment, percent } from './format.js'
import { rowsOf, sumOf } from './history.js'

/** @typedef {import('./history.js').Columns} Columns */

const lately = 'in the last 15 min'
const latelyMs = 900e3

/** What overload costs callers is counted since the start: this is what has come of it lately, while the page looked. */
export class Refusals {
  /** Earliest first. @type {{ atMs: number, count: number }[]} */
  #seen = []
  #startedMs = 0

  /** @param {any} data @returns {number} requests */
  look({ service, startedMs, nowMs }) {
    if (service === null) return 0
    if (startedMs !== this.#startedMs) this.#seen = []
    this.#startedMs = startedMs
    const of = service.filter((/** @type {any} */ { name }) => name === 'headwater_requests_shed_total')
    const count = of.reduce((/** @type {number} */ sum, /** @type {any} */ { value }) => sum + value, 0)
    this.#seen.push({ atMs: nowMs, count })
    while (nowMs - this.#seen[0].atMs > latelyMs) this.#seen.shift()
    return count - this.#seen[0].count
  }
}

/**
 * @param {any} data
 * @param {Columns} recent
 * @param {import('./waits.js').Waits} waits
 * @param {number} refusals requests
 */
export function showNow(data, recent, waits, refusals) {
  showFresh(rowsOf(recent))
  showTroubles(troublesOf(data, recent, waits, refusals))
  showServed(data)
}

/** @param {import('./history.js').Rows} rows */
function showFresh({ fresh, stale, misses, all }) {
  say(byId('now-fresh'), all === 0 ? 'Nothing was read' : `${percent(fresh / all)} fresh`)
  const rest = `${percent(stale / all)} stale, ${percent(misses / all)} default, of ${count(all)} rows `
  say(byId('now-fresh-more'), `${all === 0 ? '' : rest}${lately}`)
}

/**
 * Of the last 15 minutes, each a sentence.
 * @param {any} data
 * @param {Columns} recent
 * @param {import('./waits.js').Waits} waits
 * @param {number} refusals
 */
function troublesOf({ encoder }, recent, { isOld, dead }, refusals) {
  const [unavailable, failed, shed] = ['unavailable', 'failed', 'shed'].map((name) => sumOf(recent, name))
  return [
    ...(encoder !== null && encoder.state !== 'ready' ? [`The encoder is ${encoder.state}: nobody is refreshed.`] : []),
    ...(isOld ? ['The store does not answer: what waits for a refresh is not known.'] : []),
    ...(dead.length > 0 ? ['The shared queue has dead letters.'] : []),
    ...(unavailable > 0 ? [`${count(unavailable)} rows had the default vector, as the store did not answer.`] : []),
    ...(refusals > 0 ? [`${count(refusals)} requests were refused, as the service was overloaded.`] : []),
    ...(failed > 0 ? [`${count(failed)} refreshes failed.`] : []),
    ...(shed > 0 ? [`${count(shed)} refreshes were shed, as the queue was full.`] : []),
  ]
}

/** @param {readonly string[]} troubles */
function showTroubles(troubles) {
  const [place, list] = [byId('now-wrong'), byId('now-troubles')]
  place.classList.toggle('bad', troubles.length > 0)
  say(place, troubles.length === 0 ? 'Nothing' : troubles.length === 1 ? 'One thing' : `${troubles.length} things`)
  const told = troubles.length === 0 ? [`${lately}; counters since the start are below`] : troubles
  if (told.join() === [...list.children].map(({ textContent }) => textContent).join()) return
  list.replaceChildren(...told.map((each) => element('li', {}, each)))
}

/** @param {any} data */
function showServed({ models, nowMs }) {
  const told = (/** @type {any} */ { model, snapshot, frame, dataCutoffMs }) =>
    snapshot === null
      ? `${model}: the default vector`
      : `${model}: data to ${moment(dataCutoffMs)}, ${duration((nowMs - dataCutoffMs) / 1000)} ago; frame ${frame}`
  const [only] = models
  const name = (/** @type {any} */ { snapshot }) => (snapshot === null ? 'None yet' : `Snapshot ${snapshot}`)
  say(
    byId('now-served'),
    models.length === 1 ? name(only) : models.map((/** @type {any} */ each) => each.snapshot ?? 'none').join(', '),
  )
  say(byId('now-served-more'), models.map(told).join('. '))
}
