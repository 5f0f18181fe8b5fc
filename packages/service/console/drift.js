/** The map of how snapshots moved a panel of users. */
import { byId, element, say, table } from './dom.js'
import { cosine, count, percent } from './format.js'
import { axis, colourOf, margin, Plot } from './plot.js'
import { ask } from './service.js'

const tall = 320
/** The largest, px, which is to be seen whole at the edge. */
const dot = 8

export class Drift {
  /** @type {any} */
  #map = null
  #text = ''

  /** @param {() => void} onPicked */
  constructor(onPicked) {
    this.keys = element('ul')
    const key = (/** @type {string} */ tone) => element('span', { class: `key ${tone}`, 'aria-hidden': 'true' })
    /** Of the newest snapshot, of earlier ones still, and where users were. */
    this.tones = [key('blue'), key('amber'), key('grey')]
    const [blue, amber, grey] = this.tones.map(colourOf)
    const drawn = { scale: 'y', points: { show: false }, facets: [{ scale: 'x' }, { scale: 'y' }] }
    const dots = (/** @type {() => string} */ stroke, /** @type {number} */ width) => ({
      ...drawn,
      stroke,
      width,
      cap: /** @type {const} */ ('round'),
      paths: dotPaths,
    })
    this.plot = new Plot({
      tall,
      isTime: false,
      drawn: {
        mode: 2,
        series: [
          {},
          { ...drawn, stroke: grey, width: 1, alpha: 0.45, paths: pathPaths },
          dots(grey, 4),
          dots(amber, 7),
          dots(blue, 7),
        ],
        cursor: { show: false },
        scales: { x: { time: false, range: () => this.#ranges().x }, y: { range: () => this.#ranges().y } },
        axes: [
          axis({ size: margin.bottom, space: 70, values: (_plot, at) => at.map(signed) }),
          axis({ size: margin.left, space: 50, values: (_plot, at) => at.map(signed) }),
        ],
      },
      point: () => '',
      fit: () => this.#draw(),
    })
    this.across = element('p', { class: 'across' })
    this.up = element('p', { class: 'up' })
    this.figure = element(
      'figure',
      { class: 'map' },
      element('figcaption', {}, this.keys),
      this.up,
      this.plot.place,
      this.across,
    )
    byId('drift-map').append(this.figure)
    byId('drift-model').addEventListener('change', onPicked)
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
      const has =
        users === 0
          ? 'Nobody of the panel has an embedding yet'
          : `The panel has ${users === 1 ? 'one user' : `${count(users)} users`}`
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
    const words = [`snapshot ${newest}`, 'still of an earlier one', 'where they were']
    this.keys.replaceChildren(...words.map((each, i) => element('li', {}, this.tones[i], each)))
    say(this.up, `↑ second component, ${percent(shares[1])} of the variance`)
    say(this.across, `first component, ${percent(shares[0])} →`)
    const rows = snapshots
      .toReversed()
      .map((/** @type {any} */ each) => [
        `${each.snapshot}`,
        count(each.users),
        count(each.moved),
        ...(each.cosineMean === null ? ['nobody yet'] : [cosine(each.cosineMean), cosine(each.cosineP10)]),
      ])
    const heads = ['Snapshot', 'Users now', 'Moved to it', 'Mean cosine', 'A tenth below']
    byId('drift-table').replaceChildren(table('Centred cosine to the same user before', heads, rows))
  }

  #draw() {
    const map = this.#map
    if (map === null || map.frame === null) return
    const newest = map.snapshots.at(-1).snapshot
    const [moves, befores, olds, news] = [new Points(), new Points(), new Points(), new Points()]
    for (const { x, y, snapshots } of map.paths) {
      const last = x.length - 1
      for (const i of x.keys()) {
        moves.add(x[i], y[i])
        if (i < last) befores.add(x[i], y[i])
      }
      moves.add(null, null)
      const ends = snapshots[last] === newest ? news : olds
      ends.add(x[last], y[last])
    }
    const data = [moves, befores, olds, news].map(({ xs, ys }) => [xs, ys])
    this.plot.show(/** @type {any} */ ([null, ...data]), byId('drift-note').textContent ?? '')
  }

  /**
   * One scale for both axes, so that a length is a length.
   * @returns {{ x: [number, number], y: [number, number] }}
   */
  #ranges() {
    const { paths } = this.#map
    const of = (/** @type {'x' | 'y'} */ name) => {
      const values = paths.flatMap((/** @type {any} */ path) => path[name])
      const least = values.reduce((/** @type {number} */ a, /** @type {number} */ b) => Math.min(a, b))
      const most = values.reduce((/** @type {number} */ a, /** @type {number} */ b) => Math.max(a, b))
      return { middle: (least + most) / 2, length: Math.max(1e-9, most - least) }
    }
    const [x, y] = [of('x'), of('y')]
    const [wide, high] = [this.plot.innerWidth, tall - margin.top - margin.bottom]
    const ofPixel = Math.max(x.length / (wide - 2 * dot), y.length / (high - 2 * dot))
    return {
      x: [x.middle - (ofPixel * wide) / 2, x.middle + (ofPixel * wide) / 2],
      y: [y.middle - (ofPixel * high) / 2, y.middle + (ofPixel * high) / 2],
    }
  }
}

class Points {
  /** @type {(number | null)[]} */
  xs = []
  /** @type {(number | null)[]} */
  ys = []

  /**
   * @param {number | null} x
   * @param {number | null} y
   */
  add(x, y) {
    this.xs.push(x)
    this.ys.push(y)
  }
}

/**
 * Each point, or a line through those that follow each other: null ends it.
 * @param {(path: Path2D, x: number, y: number, isFirst: boolean) => void} draw
 * @returns {import('uplot').Series.PathBuilder}
 */
const pathsOf = (draw) => (plot, series) => {
  const [xs, ys] = /** @type {any} */ (plot.data)[series]
  const stroke = new Path2D()
  let isFirst = true
  for (const [i, x] of xs.entries()) {
    if (x !== null) draw(stroke, plot.valToPos(x, 'x', true), plot.valToPos(ys[i], 'y', true), isFirst)
    isFirst = x === null
  }
  return { stroke, fill: null, flags: 0 }
}
const pathPaths = pathsOf((path, x, y, isFirst) => (isFirst ? path.moveTo(x, y) : path.lineTo(x, y)))
// A line of no length with round ends.
const dotPaths = pathsOf((path, x, y) => {
  path.moveTo(x, y)
  path.lineTo(x, y)
})

/** @param {number} value */
const signed = (value) => `${value}`.replace('-', '−')
