/** Bars that are told in words as well. */
import { drawn, element, say, set } from './dom.js'
import { count, duration, percent } from './format.js'

const height = 148
const margin = { left: 8, right: 8, top: 20, bottom: 20 }

/** How old the rows were that were served. */
export class StalenessChart {
  #width = 0
  /** @type {{ boundsSeconds: readonly number[], counts: readonly number[] } | null} */
  #shown = null

  constructor() {
    this.total = element('b')
    this.svg = drawn('svg', { role: 'img', tabindex: 0, height })
    this.figure = element(
      'figure',
      { class: 'chart' },
      element(
        'figcaption',
        {},
        element('span', { class: 'title' }, 'Age of rows served, last 15 min'),
        element('ul', {}, element('li', {}, 'rows ', this.total)),
      ),
      this.svg,
    )
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width === this.#width) return
      this.#width = contentRect.width
      this.#draw()
    }).observe(this.figure)
  }

  /** @param {{ boundsSeconds: readonly number[], counts: readonly number[] }} staleness */
  show(staleness) {
    this.#shown = staleness
    this.#draw()
  }

  #draw() {
    if (this.#shown === null || this.#width === 0) return
    const { boundsSeconds, counts } = this.#shown
    if (this.svg.childElementCount !== 3 * counts.length) {
      this.svg.replaceChildren(
        ...counts.flatMap(() => [
          drawn('rect', { class: 'bar', rx: 2 }),
          drawn('text', { class: 'share' }),
          drawn('text', { class: 'x' }),
        ]),
      )
    }
    set(this.svg, { width: this.#width, viewBox: `0 0 ${this.#width} ${height}` })
    const total = counts.reduce((sum, each) => sum + each, 0)
    const most = Math.max(1, ...counts)
    const slot = (this.#width - margin.left - margin.right) / counts.length
    const plot = height - margin.top - margin.bottom
    for (const [i, rows] of counts.entries()) {
      const [bar, share, label] = [...this.svg.children].slice(3 * i, 3 * i + 3)
      const tall = rows === 0 ? 1 : Math.max(2, (rows / most) * plot)
      const middle = margin.left + (i + 0.5) * slot
      const top = height - margin.bottom - tall
      set(bar, { x: margin.left + i * slot + 1, width: Math.max(1, slot - 2), y: top, height: tall })
      bar.classList.toggle('none', rows === 0)
      set(share, { x: middle, y: top - 5 })
      say(share, rows > 0 && (slot > 40 || rows === most) ? percent(rows / total) : '')
      set(label, { x: middle, y: height - 4 })
      say(label, slot > 34 || i % 2 === 0 ? shortAge(boundsSeconds, i) : '')
    }
    say(this.total, count(total))
    const words = counts.flatMap((rows, i) =>
      rows > 0
        ? [`${percent(rows / total)} ${i === counts.length - 1 ? 'older' : `up to ${duration(boundsSeconds[i])}`}`]
        : [],
    )
    const told = words.length === 0 ? 'none were served' : words.join(', ')
    this.svg.setAttribute('aria-label', `Age of rows served in the last 15 minutes: ${told}.`)
  }
}

/**
 * @param {readonly number[]} bounds
 * @param {number} i
 */
function shortAge(bounds, i) {
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

/**
 * A vector's shape, small.
 * @param {readonly number[]} values
 */
export function sparkline(values) {
  const tall = 36
  const most = Math.max(1e-12, ...values.map(Math.abs))
  const bars = values.map((value, i) => {
    const size = Math.max(0.5, (Math.abs(value) / most) * (tall / 2))
    return drawn('rect', { x: i * 4, width: 3, y: value < 0 ? tall / 2 : tall / 2 - size, height: size, class: 'bar' })
  })
  return drawn(
    'svg',
    {
      role: 'img',
      class: 'spark',
      viewBox: `0 0 ${values.length * 4} ${tall}`,
      preserveAspectRatio: 'none',
      'aria-label': `Shape of the vector: ${values.length} bars, the largest ${most.toPrecision(3)}.`,
    },
    ...bars,
  )
}
