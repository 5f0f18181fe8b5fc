/** What the charts over time show of the columns: a line's value of a step, or of several that are joined. */
import { statuses } from './history.js'

/**
 * @typedef {import('./history.js').Columns} Columns
 * @typedef {import('./steps.js').Step} Step
 */

/**
 * @param {Columns} columns
 * @param {string} name
 * @param {Step} step
 */
const sumIn = (columns, name, { from, to }) =>
  columns[name].slice(from, to).reduce((/** @type {number} */ sum, value) => sum + (value ?? 0), 0)

/**
 * What was measured of a step; nothing where it is 0, which no time is.
 * @param {string} label
 * @param {string} tone
 * @param {string} name of the column
 */
export const line = (label, tone, name) => ({
  label,
  tone,
  of: (/** @type {Columns} */ columns, /** @type {Step} */ { from }) => columns[name][from] || null,
})

/**
 * The most there was.
 * @param {string} label
 * @param {string} tone
 * @param {string} name of the column
 */
export const most = (label, tone, name) => ({
  label,
  tone,
  of: (/** @type {Columns} */ columns, /** @type {Step} */ { from, to }) =>
    Math.max(...columns[name].slice(from, to).map((value) => value ?? 0)),
})

/**
 * @param {string} label
 * @param {string} tone
 * @param {string} name of the column
 */
export const aSecond = (label, tone, name) => ({
  label,
  tone,
  of: (/** @type {Columns} */ columns, /** @type {Step} */ step) =>
    sumIn(columns, name, step) / Math.max(1e-3, sumIn(columns, 'seconds', step)),
})

/**
 * @param {string} label
 * @param {string} tone
 */
export const share = (label, tone) => ({
  label,
  tone,
  of: (/** @type {Columns} */ columns, /** @type {Step} */ step) => {
    const rows = statuses.reduce((sum, status) => sum + sumIn(columns, status, step), 0)
    return rows === 0 ? null : sumIn(columns, label, step) / rows
  },
})
