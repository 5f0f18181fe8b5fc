/** Charts of bars that are not of time. */
import { element, say } from './dom.js'
import { count, duration, percent, plain } from './format.js'
import { axis, bars, colour, colourOf, margin, Plot } from './plot.js'

const tall = 156

/** How old the rows were that were served. */
export class StalenessChart {
  /** @type {{ boundsSeconds: readonly number[], counts: readonly number[] }} */
  #shown = { boundsSeconds: [], counts: [] }

  constructor() {
    this.total = element('b')
    this.moment = element('span', { class: 'moment' })
    this.title = element('span', { class: 'title' }, 'Age of rows served, last 15 min')
    const key = element('span', { class: 'key bars blue', 'aria-hidden': 'true' })
    this.plot = new Plot({
      tall,
      isTime: false,
      drawn: {
        series: [{}, { fill: colourOf(key), width: 0, paths: bars(0.92), points: { show: false } }],
        cursor: { points: { show: false } },
        scales: {
          x: { time: false, range: () => [-0.5, this.#shown.counts.length - 0.5] },
          y: { range: [0, 1] },
        },
        axes: [
          axis({
            size: margin.bottom,
            space: 34,
            incrs: [1, 2, 3, 4],
            values: (_plot, at) => at.map((i) => shortAge(this.#shown.boundsSeconds, i)),
          }),
          axis({
            size: margin.left,
            splits: [0, 0.5, 1],
            values: (_plot, at) => at.map((part) => plain(percent(part))),
          }),
        ],
      },
      point: (at) => this.#point(at),
      fit: () => this.#draw(),
    })
    this.figure = element(
      'figure',
      { class: 'chart' },
      element(
        'figcaption',
        {},
        this.title,
        this.moment,
        element('ul', {}, element('li', {}, key, 'rows ', this.total)),
      ),
      this.plot.place,
    )
  }

  /** @param {{ boundsSeconds: readonly number[], counts: readonly number[] }} staleness */
  show(staleness) {
    this.#shown = staleness
    this.#draw()
  }

  #draw() {
    const { boundsSeconds, counts } = this.#shown
    const words = counts.flatMap((rows, i) =>
      rows > 0 ? [`${percent(rows / this.#total)} ${agesOf(boundsSeconds, i)}`] : [],
    )
    const told = words.length === 0 ? 'none were served' : words.join(', ')
    this.plot.show(
      [counts.map((_, i) => i), counts.map((rows) => rows / Math.max(1, this.#total))],
      `Age of rows served in the last 15 minutes: ${told}.`,
    )
    this.#point(this.plot.at)
  }

  get #total() {
    return this.#shown.counts.reduce((sum, each) => sum + each, 0)
  }

  /** @param {number | null} at */
  #point(at) {
    const { boundsSeconds, counts } = this.#shown
    const told = at === null ? '' : `${agesOf(boundsSeconds, at)}, ${percent(counts[at] / Math.max(1, this.#total))}`
    say(this.total, count(at === null ? this.#total : counts[at]))
    say(this.moment, told)
    return told
  }
}

/**
 * @param {readonly number[]} bounds
 * @param {number} i
 */
const agesOf = (bounds, i) => (i >= bounds.length ? 'older' : `up to ${duration(bounds[i])}`)

/**
 * @param {readonly number[]} bounds
 * @param {number} i
 */
function shortAge(bounds, i) {
  if (!Number.isInteger(i) || i < 0) return ''
  if (i >= bounds.length) return 'more'
  const seconds = bounds[i]
  const [unit, size] = /** @type {const} */ ([
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ]).find(([, each]) => seconds >= each) ?? ['s', 1]
  return `${seconds / size} ${unit}`
}

/** A vector's shape: its values, or means of runs of them. */
export class VectorChart {
  /**
   * @param {readonly number[]} shape
   * @param {number} dim of the vector
   */
  constructor(shape, dim) {
    this.shape = shape
    this.run = dim / shape.length
    this.dim = dim
    this.moment = element('span', { class: 'moment' })
    const most = Math.max(1e-12, ...shape.map(Math.abs))
    this.words = `Shape of the vector: ${shape.length} bars, the largest ${most.toPrecision(3)}.`
    this.plot = new Plot({
      tall: 150,
      isTime: false,
      drawn: {
        series: [{}, { fill: colour('--blue'), width: 0, paths: bars(0.8), points: { show: false } }],
        cursor: { points: { show: false } },
        scales: {
          x: { time: false, range: [-0.5, shape.length - 0.5] },
          y: { range: [-most * 1.05, most * 1.05] },
        },
        axes: [
          axis({
            size: margin.bottom,
            space: 40,
            incrs: [1, 2, 4, 8, 16, 32],
            grid: { show: false },
            values: (_plot, at) => at.map((i) => (Number.isInteger(i) ? `${Math.round(i * this.run)}` : '')),
          }),
          axis({
            size: margin.left,
            space: 36,
            values: (_plot, at) => at.map((value) => `${value}`.replace('-', '−')),
          }),
        ],
      },
      point: (at) => this.#point(at),
      fit: () => this.#draw(),
    })
    const title = this.run > 1 ? `Its values, means of ${count(this.run)} each` : 'Its values'
    this.figure = element(
      'figure',
      { class: 'chart' },
      element('figcaption', {}, element('span', { class: 'title' }, title), this.moment),
      this.plot.place,
    )
  }

  #draw() {
    this.plot.show([this.shape.map((_, i) => i), [...this.shape]], this.words)
  }

  /** @param {number | null} at */
  #point(at) {
    const from = Math.round((at ?? 0) * this.run)
    const to = Math.min(this.dim, Math.round(((at ?? 0) + 1) * this.run)) - 1
    const told = at === null ? '' : `${from === to ? from : `${from}–${to}`}: ${this.shape[at].toPrecision(3)}`
    say(this.moment, told)
    return told
  }
}
