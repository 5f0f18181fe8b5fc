/** Figures as text. A dash stands for what there is nothing of. */

const none = '–'
const year = 365.25 * 86_400

/** @param {number | null | undefined} value */
const isNone = (value) => value === null || value === undefined || Number.isNaN(value)

/** @param {number} value */
function significant(value) {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toFixed(Math.min(digits, 2))
}

/** @param {number | null | undefined} count */
export function count(count) {
  return isNone(count) ? none : Math.round(/** @type {number} */ (count)).toLocaleString('en-US')
}

/** Of a rate, where tenths matter while it is small. @param {number | null | undefined} rate */
export function rate(rate) {
  if (isNone(rate)) return none
  const value = /** @type {number} */ (rate)
  return value > 0 && value < 100 ? significant(value) : count(value)
}

/** @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (isNone(seconds)) return none
  const value = /** @type {number} */ (seconds)
  if (value === 0) return '0 s'
  if (value < 1e-3) return `${significant(value * 1e6)} µs`
  if (value < 1) return `${significant(value * 1e3)} ms`
  if (value < 60) return `${significant(value)} s`
  if (value < 3_600) return `${significant(value / 60)} min`
  if (value < 86_400) return `${significant(value / 3_600)} h`
  if (value < 2 * year) return `${significant(value / 86_400)} d`
  return `${significant(value / year)} years`
}

/** @param {number | null | undefined} fraction */
export function percent(fraction) {
  if (isNone(fraction)) return none
  const value = 100 * /** @type {number} */ (fraction)
  // What is not all must not look like all.
  if (value > 99.9 && value < 100) return '> 99.9 %'
  if (value > 0 && value < 0.1) return '< 0.1 %'
  return `${value.toFixed(value === 0 || value === 100 ? 0 : 1)} %`
}

/** @param {number | null | undefined} bytes */
export function bytes(bytes) {
  if (isNone(bytes)) return none
  const value = /** @type {number} */ (bytes)
  if (value < 1e6) return `${significant(value / 1e3)} kB`
  return value < 1e9 ? `${significant(value / 1e6)} MB` : `${significant(value / 1e9)} GB`
}

/** @param {number | null | undefined} value */
export function cosine(value) {
  return isNone(value) ? none : /** @type {number} */ (value).toFixed(4).replace('-', '−')
}

/** Of an axis: without zeros at its end. @param {string} text */
export const plain = (text) => text.replace(/\.0+(?=\D|$)|(\.\d*[1-9])0+(?=\D|$)/, '$1')

const clockFormat = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const zonedFormat = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
})
const axisFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const dayFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
const dateFormat = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
})

/** Day and time, beside one with its zone. @param {number} ms */
export const day = (ms) => dayFormat.format(ms)
/** Time of day. @param {number} ms */
export const clock = (ms) => clockFormat.format(ms)
/** Time of day with its zone. @param {number} ms */
export const zoned = (ms) => zonedFormat.format(ms)
/** Of an axis. @param {number} ms */
export const minutes = (ms) => axisFormat.format(ms)
/** Day and time with its zone. @param {number | null} ms */
export const moment = (ms) => (ms === null ? none : dateFormat.format(ms))
