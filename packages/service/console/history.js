/**
 * Columns of steps of time, oldest first, as the service gives them: `atMs` and others of its length, null where there was
 * nothing to measure.
 * @typedef {Readonly<Record<string, readonly (number | null)[]>>} Columns
 */

/**
 * What is kept and what has come, never more than `most` steps, however long the page is open.
 * @param {Columns | null} kept
 * @param {Columns} more
 * @param {number} most
 * @returns {Columns}
 */
export function joined(kept, more, most) {
  if (kept === null) return more
  const last = kept.atMs.at(-1) ?? 0
  // What was asked for twice, as an answer was late, has come already.
  const from = more.atMs.findIndex((ms) => ms !== null && ms > last)
  if (from < 0) return kept
  return Object.fromEntries(
    Object.entries(more).map(([name, values]) => [name, [...(kept[name] ?? []), ...values.slice(from)].slice(-most)]),
  )
}

/** When it ends; 0 where nothing is there. @param {Columns | null} columns */
export const endOf = (columns) => columns?.atMs.at(-1) ?? 0

/**
 * The sum of a column over the last steps, or all.
 * @param {Columns} columns
 * @param {string} name
 * @param {number} [steps]
 */
export function sumOf(columns, name, steps = columns.atMs.length) {
  return columns[name].slice(-steps).reduce((/** @type {number} */ sum, value) => sum + (value ?? 0), 0)
}

export const statuses = ['fresh', 'stale', 'default', 'unavailable']

/**
 * Rows served over the last steps, or all, by what they were answered with; `misses` had the default vector.
 * @typedef {{ fresh: number, stale: number, misses: number, all: number }} Rows
 * @param {Columns} columns
 * @param {number} [steps]
 * @returns {Rows}
 */
export function rowsOf(columns, steps) {
  const [fresh, stale, none, unavailable] = statuses.map((status) => sumOf(columns, status, steps))
  return { fresh, stale, misses: none + unavailable, all: fresh + stale + none + unavailable }
}

/**
 * The last of a column that was measured, and how long before the last step; null where nothing was.
 * @param {Columns} columns
 * @param {string} name
 */
export function latestOf(columns, name) {
  const at = columns[name].findLastIndex((value) => value !== null)
  if (at < 0) return null
  return { value: columns[name][at], agoMs: endOf(columns) - (columns.atMs[at] ?? 0) }
}
