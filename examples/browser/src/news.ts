/** What of the page is about news: replace it for a schema of your own. */
import type { Item, Values } from './catalogue.ts'

/** Of the schema's tasks the one that articles are ranked by. */
export const task = 'open'

/** What is known of the request. */
export const context = (): Values => ({ device: matchMedia('(pointer: coarse)').matches ? 'phone' : 'desktop' })

/** What may come of showing an article. */
export const outcomes: Readonly<Record<string, (item: Item) => Values>> = {
  Read: ({ values }) => ({ opened: 1, seconds: Math.round(Number(values.words) * 0.15) }),
  Skip: () => ({ opened: 0, seconds: 0 }),
}

export const titleOf = ({ id }: Item): string => `Article ${id.replace('article-', '')}`

export function detailOf({ values }: Item): string {
  const topics = Array.isArray(values.topics) ? values.topics.join(', ') : ''
  return `${topics} · ${values.words} words`
}
