/** What is served to one user. */
import { VectorChart } from './bars.js'
import { byId, element } from './dom.js'
import { count, duration, moment } from './format.js'
import { ask, refusalText } from './service.js'

export class LookUp {
  /** @type {readonly VectorChart[]} */
  #charts = []

  constructor() {
    byId('look-up').addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#look()
    })
    byId('user-answer').replaceChildren(
      element('p', { class: 'none' }, 'Age, snapshot, norm and shape of a user’s vector are shown here.'),
    )
  }

  async #look() {
    const { value: user } = /** @type {HTMLInputElement} */ (byId('user-key'))
    const place = byId('user-answer')
    try {
      // In the body: addresses are written into logs, and into the history of a browser.
      const { models, isDue } = await ask('console/user', { user })
      for (const { plot } of this.#charts) plot.remove()
      this.#charts = models.map((/** @type {any} */ { shape, dim }) => new VectorChart(shape, dim))
      place.replaceChildren(
        ...models.map((/** @type {any} */ each, /** @type {number} */ i) => cardOf(each, this.#charts[i])),
        ...(isDue ? [element('p', { class: 'muted' }, 'A refresh of the user is due and not yet written.')] : []),
      )
    } catch (error) {
      place.replaceChildren(element('p', { class: 'refusal' }, refusalText(error)))
    }
  }
}

/**
 * @param {any} embedding
 * @param {VectorChart} chart
 */
function cardOf({ model, dim, status, snapshot, frame, featureTimeMs, ageMs, norm }, chart) {
  const facts =
    snapshot === null
      ? [['Served', 'the default vector: nothing is held of this user']]
      : [
          ['Age', duration(ageMs / 1000)],
          ['Features of', moment(featureTimeMs)],
          ['Snapshot', `${snapshot}`],
          ['Frame', `${frame}`],
        ]
  return element(
    'div',
    { class: 'card' },
    element('h3', {}, element('code', {}, model), element('span', { class: `badge ${status}` }, status)),
    element(
      'dl',
      { class: 'facts' },
      ...[...facts, ['Norm', `${norm.toPrecision(4)} over ${count(dim)} values`]].flatMap(([name, value]) => [
        element('dt', {}, name),
        element('dd', {}, value),
      ]),
    ),
    chart.figure,
  )
}
