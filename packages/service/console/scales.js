/** Scales of axes: where values lie between 0 and 1, and where lines and labels go. */

/**
 * @typedef {object} Scale
 * @property {(value: number) => number} at 0 at the bottom, 1 at the top
 * @property {readonly number[]} ticks
 */

/** The next of 1, 2, 4, 6, 8, 10, 20, … @param {number} value above 0 */
function niceAbove(value) {
  const ten = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 4, 6, 8].find((step) => step * ten >= value * 0.999) ?? 10) * ten
}

/**
 * From 0.
 * @param {number} most
 * @returns {Scale}
 */
export function linearScale(most) {
  const top = most > 0 ? niceAbove(most) : 1
  return { at: (value) => Math.min(1, value / top), ticks: [0, top / 2, top] }
}

/**
 * Of what spans magnitudes, as latencies do.
 * @param {number} least above 0
 * @param {number} most
 * @returns {Scale}
 */
export function logScale(least, most) {
  const low = Math.floor(Math.log10(least) + 1e-9)
  const high = Math.max(low + 1, Math.ceil(Math.log10(most) - 1e-9))
  const step = Math.ceil((high - low) / 4)
  const ticks = []
  for (let power = low; power <= high; power += step) ticks.push(10 ** power)
  const at = (/** @type {number} */ value) => (Math.log10(value) - low) / (high - low)
  return { at: (value) => Math.min(1, Math.max(0, at(value))), ticks }
}

/** Steps between marks of a time axis: a minute to 6 hours. */
const timeSteps = [60e3, 300e3, 900e3, 3_600e3, 3 * 3_600e3, 6 * 3_600e3]

/**
 * Marks at full steps of the viewer's clock.
 * @param {number} fromMs
 * @param {number} toMs
 * @param {number} most
 */
export function timeTicks(fromMs, toMs, most) {
  const span = toMs - fromMs
  const step = timeSteps.find((each) => span / each <= most) ?? timeSteps[timeSteps.length - 1]
  const shift = new Date(toMs).getTimezoneOffset() * 60e3
  const ticks = []
  for (let at = Math.ceil((fromMs - shift) / step) * step + shift; at <= toMs; at += step) ticks.push(at)
  return ticks
}
