/** What matters first: whether reads are fresh, whether anything is wrong, and which snapshot is served. */
import { byId, element, say } from './dom.js'
import { count, duration, moment, percent } from './format.js'
import { rowsOf, sumOf } from './history.js'

/** @typedef {import('./history.js').Columns} Columns */

const lately = 'in the last 15 min'

/**
 * @param {any} data
 * @param {Columns} recent
 * @param {import('./waits.js').Waits} waits
 * @param {import('./watch.js').Seen} seen
 */
export function showNow(data, recent, waits, seen) {
  showFresh(rowsOf(recent))
  showTroubles(troublesOf(data, recent, waits, seen))
  showServed(data)
}

/** @param {import('./history.js').Rows} rows */
function showFresh({ fresh, stale, misses, all }) {
  // A stranger's default is no sign of anything wrong.
  byId('now-fresh').classList.toggle('bad', stale > fresh)
  say(byId('now-fresh'), all === 0 ? 'Nothing was read' : `${percent(fresh / all)} fresh`)
  const rest = `${percent(stale / all)} stale, ${percent(misses / all)} default, of ${count(all)} rows `
  say(byId('now-fresh-more'), `${all === 0 ? '' : rest}${lately}`)
}

/**
 * Of the last 15 minutes, each a sentence.
 * @param {any} data
 * @param {Columns} recent
 * @param {import('./waits.js').Waits} waits
 * @param {import('./watch.js').Seen} seen
 */
function troublesOf({ encoder }, recent, { isOld, dead }, { refusals, stuckMs }) {
  const [unavailable, failed, shed] = ['unavailable', 'failed', 'shed'].map((name) => sumOf(recent, name))
  return [
    ...(encoder !== null && encoder.state !== 'ready' ? [`The encoder is ${encoder.state}: nobody is refreshed.`] : []),
    ...(isOld ? ['The store does not answer: what waits for a refresh is not known.'] : []),
    ...(dead.length > 0 ? ['The shared queue has dead letters.'] : []),
    ...(unavailable > 0 ? [`${some(unavailable, 'row')} answered by default, as the store did not answer.`] : []),
    ...(stuckMs > 0 ? [`Refreshes are due, and none was written for ${duration(stuckMs / 1000)}.`] : []),
    ...(refusals > 0 ? [`${some(refusals, 'request')} refused, as the service was overloaded.`] : []),
    ...(failed > 0 ? [`${some(failed, 'refresh', 'refreshes')} not written, as something failed.`] : []),
    ...(shed > 0 ? [`${some(shed, 'refresh', 'refreshes')} shed, as the queue was full.`] : []),
  ]
}

/**
 * How many there were, with their verb.
 * @param {number} how
 * @param {string} one
 * @param {string} [more]
 */
const some = (how, one, more = `${one}s`) => (how === 1 ? `One ${one} was` : `${count(how)} ${more} were`)

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
