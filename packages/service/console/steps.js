/** Steps of time as charts take them: joined until each is wide enough to be seen, or each for itself with its gaps. */

/**
 * @typedef {import('./history.js').Columns} Columns
 *
 * @typedef {object} Span what of time is shown
 * @property {number} fromMs
 * @property {number} toMs
 * @property {number} stepMs
 * @property {string} name
 *
 * @typedef {object} Step
 * @property {number} atMs its middle where it joins some, else its end
 * @property {number} from the first of the columns that is in it
 * @property {number} to the first after it; `from` where nothing is in it
 */

/** A step that is drawn, px at least. */
const leastWidth = 6
const second = 1e3
const minute = 60 * second
const lengthsMs = [2 * second, 5 * second, 10 * second, 20 * second, 30 * second]
lengthsMs.push(...[1, 2, 5, 10, 15, 30, 60].map((each) => each * minute))

/**
 * Steps of equal length at full times, from the earliest to the latest.
 * @param {Columns} columns
 * @param {Span} span
 * @param {number} width px
 * @returns {{ steps: Step[], lengthMs: number }}
 */
export function joinedSteps(columns, { fromMs, toMs, stepMs }, width) {
  const wanted = ((toMs - fromMs) / Math.max(1, width)) * leastWidth
  const lengthMs = lengthsMs.find((each) => each >= stepMs && each >= wanted) ?? lengthsMs[lengthsMs.length - 1]
  const times = timesOf(columns)
  /** @type {Step[]} */
  const steps = []
  let from = times.findIndex((ms) => ms > fromMs)
  if (from < 0) return { steps, lengthMs }
  for (let end = Math.ceil(times[from] / lengthMs) * lengthMs; from < times.length; end += lengthMs) {
    let to = from
    while (to < times.length && times[to] <= end) to++
    steps.push({ atMs: end - lengthMs / 2, from, to })
    from = to
  }
  return { steps, lengthMs }
}

/**
 * Each step for itself; where some are missing, one with nothing in it.
 * @param {Columns} columns
 * @param {Span} span
 * @returns {Step[]}
 */
export function eachStep(columns, { fromMs, stepMs }) {
  const times = timesOf(columns)
  return times.flatMap((atMs, i) => {
    if (atMs <= fromMs) return []
    const isGap = i > 0 && atMs - times[i - 1] >= 3 * stepMs
    const own = { atMs, from: i, to: i + 1 }
    return isGap ? [{ atMs: times[i - 1] + stepMs, from: i, to: i }, own] : [own]
  })
}

/** @param {Columns} columns */
const timesOf = ({ atMs }) => /** @type {readonly number[]} */ (atMs)
