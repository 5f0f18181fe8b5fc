/** Charts over time. */
import { element, say } from './dom.js'
import { clock, minutes, plain } from './format.js'
import { axis, bars, colourOf, margin, Plot } from './plot.js'
import { eachStep, joinedSteps } from './steps.js'

/**
 * @typedef {import('./history.js').Columns} Columns
 * @typedef {import('./steps.js').Span} Span
 * @typedef {import('./steps.js').Step} Step
 *
 * @typedef {object} Line
 * @property {string} label
 * @property {string} tone one of the style's colours
 * @property {(columns: Columns, step: Step) => number | null} of
 *
 * @typedef {object} ChartOptions
 * @property {string} title
 * @property {'lines' | 'bars'} kind bars are stacked, and join steps until each can be seen
 * @property {'linear' | 'whole' | 'log' | 'share'} scale
 * @property {(value: number | null) => string} format
 * @property {string} [unit] of the axis, where `format` has none
 * @property {readonly Line[]} lines
 */

const tall = 156
const dotWidth = 7
const minuteMs = 60e3
const timeStepsMs = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360].map((each) => each * minuteMs)
const wholeSteps = [1, 10, 100, 1e3, 1e4, 1e5, 1e6].flatMap((ten) => [ten, 2 * ten, 5 * ten])

export class TimeChart {
  /** @type {Columns | null} */
  #columns = null
  /** @type {Span} */
  #span = { fromMs: 0, toMs: 1, stepMs: 1, name: '' }
  /** What is drawn. @type {readonly Step[]} */
  #steps = []
  #lengthMs = 0
  /** By line. @type {readonly (readonly (number | null)[])[]} */
  #values = []

  /** @param {ChartOptions} options */
  constructor(options) {
    this.options = options
    const { title, kind, lines } = options
    this.values = lines.map(() => element('b'))
    this.moment = element('span', { class: 'moment' })
    const keys = lines.map(({ tone }) => element('span', { class: `key ${kind} ${tone}`, 'aria-hidden': 'true' }))
    const items = lines.map(({ label }, i) => element('li', {}, keys[i], `${label} `, this.values[i]))
    this.none = element('p', { class: 'nothing', 'aria-hidden': 'true' })
    this.plot = new Plot({
      tall,
      isTime: true,
      drawn: this.#drawn(keys),
      point: (at) => this.#point(at),
      fit: () => this.#draw(),
    })
    this.figure = element(
      'figure',
      { class: 'chart' },
      element('figcaption', {}, element('span', { class: 'title' }, title), this.moment, element('ul', {}, ...items)),
      this.plot.place,
      this.none,
    )
  }

  /**
   * @param {Columns} columns
   * @param {Span} span
   */
  show(columns, span) {
    this.#columns = columns
    this.#span = span
    this.#draw()
  }

  /**
   * @param {readonly Element[]} keys whose colours the lines have
   * @returns {import('./plot.js').PlotOptions['drawn']}
   */
  #drawn(keys) {
    const { kind, scale } = this.options
    const line = (/** @type {Element} */ key) => ({
      stroke: colourOf(key),
      width: 2,
      // A step without neighbours is no line: it is a dot, large enough to be seen.
      points: { show: true, filter: alone, size: dotWidth, width: 0, fill: colourOf(key) },
    })
    const bar = (/** @type {Element} */ key) => ({
      fill: colourOf(key),
      width: 0,
      paths: bars(0.86),
      points: { show: false },
    })
    return {
      // Stacked bars are drawn from the highest down, as each covers all below it.
      series: [{}, ...(kind === 'bars' ? keys.map(bar).toReversed() : keys.map(line))],
      cursor: { points: { show: kind === 'lines', size: 9 } },
      scales: {
        x: { range: () => [this.#span.fromMs, this.#span.toMs] },
        y: {
          distr: scale === 'log' ? 3 : 1,
          range: (_plot, low, high) => rangeOf(scale, low, high),
        },
      },
      axes: [
        axis({ size: margin.bottom, space: 70, incrs: timeStepsMs, values: (_plot, at) => at.map(minutes) }),
        axis({
          size: margin.left,
          space: 36,
          ...(scale === 'whole' && { incrs: wholeSteps }),
          ...(scale === 'share' && { splits: [0, 0.5, 1] }),
          ...(scale === 'log' && { splits: (_plot, _axis, low, high) => powersOfTen(low, high) }),
          filter: (_plot, at) => at,
          values: (_plot, at) => this.#labels(at),
        }),
      ],
    }
  }

  /** The highest has the unit. @param {readonly number[]} at */
  #labels(at) {
    const { format, unit } = this.options
    if (!this.#hasAny) return at.map(() => '')
    return at.map((value, i) => `${plain(format(value))}${unit !== undefined && i === at.length - 1 ? ` ${unit}` : ''}`)
  }

  get #hasAny() {
    return this.#values.some((line) => line.some((value) => value !== null))
  }

  #draw() {
    const columns = this.#columns
    const width = this.plot.innerWidth
    if (columns === null || width === 0) return
    const { lines, kind } = this.options
    const joined = joinedSteps(columns, this.#span, width)
    const steps = kind === 'bars' ? joined.steps : eachStep(columns, this.#span)
    this.#steps = steps
    this.#lengthMs = kind === 'bars' ? joined.lengthMs : 0
    this.#values = lines.map(({ of }) => steps.map((step) => (step.from === step.to ? null : of(columns, step))))
    const drawn = kind === 'bars' ? stackedUp(this.#values).toReversed() : this.#values
    this.none.hidden = this.#values.some((line) => line.some((value) => value))
    say(this.none, this.#hasAny ? 'None in the time shown' : 'Nothing was measured in the time shown')
    const at = steps.map(({ atMs }) => atMs)
    this.plot.show(
      [at, ...drawn.map((values) => [...values])],
      `${this.options.title}, last ${this.#span.name}. ${this.#summary()}`,
    )
    this.#point(this.plot.at)
  }

  #summary() {
    const { lines, format } = this.options
    const told = lines.map(({ label }, l) => {
      const measured = this.#values[l].filter((value) => value !== null)
      if (measured.length === 0) return `${label}: nothing measured`
      const bounds = `between ${format(Math.min(...measured))} and ${format(Math.max(...measured))}`
      return `${label}: ${format(measured[measured.length - 1])} last, ${bounds}`
    })
    return `${told.join('; ')}.`
  }

  /**
   * Shows the values of a step, or what was measured last: where reads are few the last step has none.
   * @param {number | null} at
   */
  #point(at) {
    const { lines, format } = this.options
    const step = at === null ? undefined : this.#steps[at]
    const values = this.#values.map((own) =>
      step === undefined ? (own.findLast((value) => value !== null) ?? null) : own[at ?? 0],
    )
    const moment = step === undefined ? '' : this.#momentOf(step)
    for (const [l, value] of values.entries()) say(this.values[l], format(value))
    say(this.moment, moment)
    return [moment, ...lines.map(({ label }, l) => `${label} ${format(values[l])}`)].join(', ')
  }

  /** @param {Step} step */
  #momentOf({ atMs }) {
    const half = this.#lengthMs / 2
    return half === 0 ? clock(atMs) : `${clock(atMs - half)}–${clock(atMs + half)}`
  }
}

/**
 * @param {ChartOptions['scale']} scale
 * @param {number | null} low null where nothing is to be shown
 * @param {number | null} high
 * @returns {[number, number]}
 */
function rangeOf(scale, low, high) {
  if (scale === 'share') return [0, 1]
  const most = high ?? 0
  if (scale !== 'log') return [0, Math.max(scale === 'whole' ? 2 : 0, most * 1.1) || 1]
  const least = low ?? 0
  if (!(least > 0)) return [1e-3, 1]
  const power = Math.floor(Math.log10(least) + 1e-9)
  return [10 ** power, 10 ** Math.max(power + 1, Math.ceil(Math.log10(most) - 1e-9))]
}

/**
 * At most five.
 * @param {number} low
 * @param {number} high
 */
function powersOfTen(low, high) {
  const [from, to] = [Math.round(Math.log10(low)), Math.round(Math.log10(high))]
  const step = Math.ceil((to - from) / 4)
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => 10 ** (from + i * step))
}

/**
 * Steps of runs that are too short to be seen as a line.
 * @param {any} plot
 * @param {number} series
 */
function alone(plot, series) {
  const [times, values] = [plot.data[0], plot.data[series]]
  const found = []
  for (let from = 0, i = 0; i <= values.length; i++) {
    if ((values[i] ?? null) !== null) continue
    const isShort = from < i && plot.valToPos(times[i - 1], 'x') - plot.valToPos(times[from], 'x') < dotWidth
    if (isShort) for (let step = from; step < i; step++) found.push(step)
    from = i + 1
  }
  return found
}

/** @param {readonly (readonly (number | null)[])[]} series */
function stackedUp(series) {
  /** @type {(number | null)[][]} */
  const levels = []
  for (const values of series) {
    const below = levels.at(-1)
    levels.push(values.map((value, i) => (value === null ? null : value + (below?.[i] ?? 0))))
  }
  return levels
}
