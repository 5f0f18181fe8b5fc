/** Figures to see from afar. */
import { element, say } from './dom.js'

/**
 * Makes tiles once; what it gives shows values in them.
 * @param {HTMLElement} list a `dl`
 * @param {readonly string[]} names
 * @returns {(values: readonly (string | readonly [value: string, more: string])[]) => void}
 */
export function tiles(list, names) {
  const made = names.map((name) => {
    const value = element('dd')
    const more = element('dd', { class: 'more' })
    list.append(element('div', {}, element('dt', {}, name), value, more))
    return { value, more }
  })
  return (values) => {
    for (const [i, { value, more }] of made.entries()) {
      const shown = values[i]
      say(value, typeof shown === 'string' ? shown : shown[0])
      say(more, typeof shown === 'string' ? '' : shown[1])
    }
  }
}
