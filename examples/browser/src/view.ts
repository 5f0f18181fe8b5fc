/** The page's elements. */
import type { Item } from './catalogue.ts'
import { detailOf, outcomes, titleOf } from './news.ts'

const element = (id: string) => document.getElementById(id)!

export function status(text: string, state: 'ready' | 'failed'): void {
  element('status').textContent = text
  document.body.dataset.state = state
}

export function notice(text: string): void {
  element('notice').textContent = text
  element('notice').hidden = false
}

/** @param id of the `dd` */
export function figure(id: string, text: string): void {
  element(id).textContent = text
}

export function onForget(forget: () => Promise<void>): void {
  element('forget').onclick = forget
}

/** A bar a number, upwards where it is positive. */
export function embedding(numbers: Float32Array): void {
  const most = Math.max(...numbers.map(Math.abs), 1e-9)
  const bars = Array.from(numbers, (number, i) => `M${i + 0.5} 0V${-number / most}`)
  const svg = element('embedding')
  svg.setAttribute('viewBox', `0 -1 ${numbers.length} 2`)
  svg.innerHTML = `<path d="${bars.join('')}" />`
}

export function articles(
  ranked: readonly { item: Item; probability: number }[],
  act: (item: Item, outcome: string) => Promise<void>,
): void {
  element('articles').replaceChildren(
    ...ranked.map(({ item, probability }) => {
      const row = document.createElement('li')
      const percent = (100 * probability).toFixed(0)
      row.append(
        text('h3', titleOf(item)),
        text('p', detailOf(item)),
        text('output', `${percent} %`),
        ...Object.keys(outcomes).map((outcome) => {
          const button = text('button', outcome)
          button.setAttribute('aria-label', `${outcome} ${titleOf(item)}`)
          button.onclick = () => act(item, outcome)
          return button
        }),
      )
      row.style.setProperty('--share', `${percent}%`)
      return row
    }),
  )
}

function text(tag: string, content: string): HTMLElement {
  const made = document.createElement(tag)
  made.textContent = content
  return made
}
