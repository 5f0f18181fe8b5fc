/** What waits for a refresh: in the service's process, or in queues that it shares with others. */
import { count, duration } from './format.js'

/**
 * Tiles of what waits for a refresh, and rows of dead letters.
 * @typedef {{ users: [string, string], longest: [string, string], shed: [string, string], dead: string[][] }} Waits
 */

/** @param {any} data @returns {Waits} */
export const ownQueue = ({ queue, totals }) => ({
  users: [count(queue.users), `${count(queue.due)} due`],
  longest: queue.users === 0 ? ['–', 'nobody waits'] : [duration(queue.oldestSeconds), ''],
  shed: [count(totals.shed), `${count(totals.failed + totals.refused)} failed since the start`],
  dead: [],
})

/** Refreshes wait in the store's servers, for whichever process takes them. @param {any} data @returns {Waits} */
export function sharedQueue({ sharedQueues, totals }) {
  const of = (/** @type {(queue: any) => number} */ figure) =>
    sharedQueues.reduce((/** @type {number} */ sum, /** @type {any} */ queue) => sum + figure(queue), 0)
  const dead = of((queue) => queue.dead)
  return {
    users: [
      count(of((queue) => queue.waiting)),
      `shared; ${count(of((queue) => queue.taken))} with workers${dead > 0 ? `, ${count(dead)} dead letters` : ''}`,
    ],
    longest: ['–', 'not told of a shared queue'],
    shed: [count(of((queue) => queue.sums.shed)), `by all; ${count(totals.failed + totals.refused)} failed here`],
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
