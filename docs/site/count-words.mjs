import { parsePage } from '../../tools/pages.mjs'

/**
 * Words that a reader reads: of paragraphs, headings, lists and tables. Neither blocks of code nor what links lead to count, nor
 * what is not shown. A word is what stands between spaces and has a letter or a digit.
 * @param {string} text of a page
 */
export function countWords(text) {
  const shown = parsePage(text)
    .prose.replace(/^---\n.*?\n---\n/s, '')
    .replace(/<!--.*?-->|<[a-z/][^>`]*>/gs, '')
    .replace(/\]\([^)]*\)/g, ' ')
  return shown.split(/[\s|]+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length
}
