/** Elements of the page, and new ones. */

/**
 * @template {Element} [E=HTMLElement]
 * @param {string} id
 * @returns {E}
 */
export function byId(id) {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return /** @type {any} */ (found)
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Readonly<Record<string, string>>} [attributes]
 * @param {readonly (Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

/**
 * Changes a text only where it differs, so that nothing is read out or selected anew.
 * @param {Element} target
 * @param {string} text
 */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text
}

/**
 * A table whose cells stay with their headings where the screen is narrow. The last cell of a row that is shorter than the
 * headings takes what is left.
 * @param {string} caption
 * @param {readonly string[]} heads
 * @param {readonly (readonly (Node | string)[])[]} rows
 */
export function table(caption, heads, rows) {
  const cells = (/** @type {readonly (Node | string)[]} */ row) =>
    row.map((cell, i) =>
      i === 0
        ? element('th', { scope: 'row', role: 'rowheader', 'data-head': heads[0] }, cell)
        : element('td', { role: 'cell', 'data-head': heads[i], ...spanOf(row, heads, i) }, cell),
    )
  return element(
    'table',
    { role: 'table' },
    element('caption', {}, caption),
    element(
      'thead',
      { role: 'rowgroup' },
      element(
        'tr',
        { role: 'row' },
        ...heads.map((head) => element('th', { scope: 'col', role: 'columnheader' }, head)),
      ),
    ),
    element('tbody', { role: 'rowgroup' }, ...rows.map((row) => element('tr', { role: 'row' }, ...cells(row)))),
  )
}

/**
 * @param {readonly unknown[]} row
 * @param {readonly string[]} heads
 * @param {number} i of the cell
 */
const spanOf = (row, heads, i) =>
  i === row.length - 1 && row.length < heads.length ? { class: 'rest', colspan: `${heads.length - i}` } : {}
