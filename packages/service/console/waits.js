/** What waits for a refresh: in the service's process, or in queues that it shares with others. */
import { count, duration } from './format.js'

/**
 * Tiles of what waits for a refresh, and rows of dead letters.
 * @typedef {{ users: [string, string], longest: [string, string], shed: [string, string], dead: string[][], isOld: boolean }} Waits
 * `isOld`: they are not what waits now.
 */

/** @param {any} data @returns {Waits} */
export const ownQueue = ({ queue, totals }) => ({
  users: [count(queue.users), `${count(queue.due)} due`],
  longest: queue.users === 0 ? ['none', 'nobody waits'] : [duration(queue.oldestSeconds), ''],
  shed: [count(totals.shed), `${count(totals.failed + totals.refused)} failed since the start`],
  dead: [],
  isOld: false,
})

/** Queues are looked at once a second: what is as old as this is no longer live. */
const liveMs = 5_000

/** Refreshes wait in the store's servers, for whichever process takes them. @param {any} data @returns {Waits} */
export function sharedQueue({ sharedQueues, totals }) {
  const of = (/** @type {(queue: any) => number} */ figure) =>
    sharedQueues.reduce((/** @type {number} */ sum, /** @type {any} */ queue) => sum + figure(queue), 0)
  const dead = of((queue) => queue.dead)
  const agoMs = Math.max(0, ...sharedQueues.map((/** @type {any} */ queue) => queue.agoMs))
  const seen = agoMs < liveMs ? 'shared' : `as seen ${duration(agoMs / 1000)} ago: the store does not answer`
  return {
    users: [
      count(of((queue) => queue.waiting)),
      `${seen}; ${count(of((queue) => queue.taken))} with workers${dead > 0 ? `, ${count(dead)} dead letters` : ''}`,
    ],
    longest: ['–', 'not known of a shared queue'],
    shed: [count(of((queue) => queue.sums.shed)), `by all; ${count(totals.failed + totals.refused)} failed here`],
    isOld: agoMs >= liveMs,
    dead: sharedQueues.flatMap((/** @type {any} */ { model, buried }) =>
      Object.entries(buried)
        .filter(([, entries]) => Number(entries) > 0)
        .map(([reason, entries]) => [model, deadReasons.get(reason) ?? reason, count(Number(entries))]),
    ),
  }
}

const deadReasons = new Map([
  ['damaged', 'damaged'],
  ['version', 'of a version that its worker does not know'],
  ['model', 'of another model'],
  ['failed', 'taken too often in vain'],
])
