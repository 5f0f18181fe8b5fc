/** The map of how snapshots moved a panel of users. */
import { byId, drawn, element, say, set, table } from './dom.js'
import { cosine, count, percent } from './format.js'
import { ask } from './service.js'

const height = 300
const padding = 20

export class Drift {
  #width = 0
  /** @type {any} */
  #map = null
  #text = ''

  /** @param {() => void} onPicked */
  constructor(onPicked) {
    this.paths = drawn('path', { class: 'moves' })
    this.befores = drawn('path', { class: 'dots before' })
    this.olds = drawn('path', { class: 'dots old' })
    this.news = drawn('path', { class: 'dots new' })
    this.across = drawn('text', { class: 'x', 'text-anchor': 'end' })
    this.up = drawn('text', { class: 'x', 'text-anchor': 'start', x: 8, y: 14 })
    this.svg = drawn('svg', { role: 'img', tabindex: 0, height, 'aria-labelledby': 'drift-note' })
    this.svg.append(this.paths, this.befores, this.olds, this.news, this.across, this.up)
    this.keys = element('ul')
    this.figure = element('figure', { class: 'map' }, element('figcaption', {}, this.keys), this.svg)
    byId('drift-map').append(this.figure)
    byId('drift-model').addEventListener('change', onPicked)
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width === this.#width) return
      this.#width = contentRect.width
      this.#draw()
    }).observe(this.figure)
  }

  /** @param {any} data of the console */
  know({ models }) {
    const select = /** @type {HTMLSelectElement} */ (byId('drift-model'))
    if (select.options.length === models.length) return
    select.replaceChildren(...models.map((/** @type {any} */ { model }) => element('option', {}, model)))
    byId('drift-pick').hidden = models.length < 2
  }

  async load() {
    const { value } = /** @type {HTMLSelectElement} */ (byId('drift-model'))
    if (value === '') return
    const map = await ask(`console/drift/${encodeURIComponent(value)}`)
    const text = JSON.stringify(map)
    if (text === this.#text) return
    this.#text = text
    this.#map = map
    this.#tell()
    this.#draw()
  }

  #tell() {
    const { users, frame, otherFrame, shares, snapshots } = this.#map
    this.figure.hidden = frame === null
    byId('drift-table').hidden = frame === null
    if (frame === null) {
      const has = users === 0 ? 'Nobody of the panel has an embedding yet' : `The panel has ${count(users)} users`
      say(byId('drift-note'), `${has}: the map begins with three, as users are read.`)
      return
    }
    const others =
      otherFrame === 0 ? '' : ` ${count(otherFrame)} more are of another alignment frame, and not comparable.`
    say(
      byId('drift-note'),
      `${count(users - otherFrame)} users, a sample of those that are read, in the plane that shows ` +
        `${percent(shares[0] + shares[1])} of their variance. A line leads from each earlier snapshot's embedding to the next.${others}`,
    )
    const newest = snapshots.at(-1).snapshot
    const key = (/** @type {string} */ tone, /** @type {string} */ words) =>
      element('li', {}, element('span', { class: `key ${tone}`, 'aria-hidden': 'true' }), words)
    this.keys.replaceChildren(
      key('blue', `snapshot ${newest}`),
      key('amber', 'still of an earlier one'),
      key('grey', 'where they were'),
    )
    const rows = snapshots
      .toReversed()
      .map((/** @type {any} */ each) => [
        `${each.snapshot}`,
        count(each.users),
        count(each.moved),
        cosine(each.cosineMean),
        cosine(each.cosineP10),
      ])
    const heads = ['Snapshot', 'Users now', 'Moved to it', 'Mean cosine', 'A tenth below']
    byId('drift-table').replaceChildren(table('Centred cosine to the same user before', heads, rows))
  }

  #draw() {
    const map = this.#map
    if (map === null || map.frame === null || this.#width === 0) return
    set(this.svg, { width: this.#width, viewBox: `0 0 ${this.#width} ${height}` })
    const xs = map.paths.flatMap((/** @type {any} */ { x }) => x)
    const ys = map.paths.flatMap((/** @type {any} */ { y }) => y)
    const [left, right, low, high] = [least(xs), -least(xs.map(minus)), least(ys), -least(ys.map(minus))]
    // One scale for both axes, so that a length is a length.
    const scale = Math.min(
      (this.#width - 2 * padding) / Math.max(1e-9, right - left),
      (height - 2 * padding - 16) / Math.max(1e-9, high - low),
    )
    const place = (/** @type {number} */ x, /** @type {number} */ y) =>
      `${tenths(this.#width / 2 + (x - (left + right) / 2) * scale)},${tenths(height / 2 - (y - (low + high) / 2) * scale)}`
    const newest = map.snapshots.at(-1).snapshot
    let [moves, befores, olds, news] = ['', '', '', '']
    for (const { x, y, snapshots } of map.paths) {
      const points = x.map((/** @type {number} */ each, /** @type {number} */ i) => place(each, y[i]))
      if (points.length > 1) moves += `M${points.join('L')}`
      for (const point of points.slice(0, -1)) befores += `M${point}h0`
      if (snapshots.at(-1) === newest) news += `M${points.at(-1)}h0`
      else olds += `M${points.at(-1)}h0`
    }
    this.paths.setAttribute('d', moves)
    this.befores.setAttribute('d', befores)
    this.olds.setAttribute('d', olds)
    this.news.setAttribute('d', news)
    set(this.across, { x: this.#width - 8, y: height - 6 })
    say(this.across, `first component, ${percent(map.shares[0])} →`)
    say(this.up, `↑ second, ${percent(map.shares[1])}`)
  }
}

/** @param {readonly number[]} values */
const least = (values) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
/** @param {number} value */
const minus = (value) => -value
/** @param {number} value */
const tenths = (value) => Math.round(value * 10) / 10
