/** What a report's page logs, asks for and looks like in a real browser. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type openBrowser, temporaryDirectory } from '@headwater/testkit'

export interface PageOptions {
  readonly width: number
  readonly colorScheme: 'light' | 'dark'
  readonly media?: 'print'
}

interface Looks {
  readonly pageWidth: number
  readonly background: string
  readonly ink: string
  /** Colour of the first arm's border among the headline figures; null where there are none. */
  readonly armInk: string | null
  readonly shown: number
  readonly smallestText: number
  readonly scrollingTables: number
  /** Plots whose letters lie over one another, or beyond the plot. */
  readonly overlapping: readonly string[]
}

/** Writes a page, for `lookAt`. @returns its address */
export function writePage(page: string): string {
  const file = join(temporaryDirectory(), 'report.html')
  writeFileSync(file, page)
  return pathToFileURL(file).href
}

export async function lookAt(
  browser: Awaited<ReturnType<typeof openBrowser>>,
  address: string,
  { width, colorScheme, media }: PageOptions,
) {
  const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme })
  try {
    const messages: string[] = []
    const requests: string[] = []
    page.on('console', (message) => messages.push(message.text()))
    page.on('pageerror', (error) => messages.push(error.message))
    page.on('request', (request) => requests.push(request.url()))
    await page.goto(address)
    if (media) await page.emulateMedia({ media })
    const looks: Looks = await page.evaluate(measurement)
    return { messages, requests, looks }
  } finally {
    await page.close()
  }
}

/** As text, since what runs in the page knows other globals than this file. */
const measurement = `(() => {
  const plots = [...document.querySelectorAll('figure svg')].filter((svg) => svg.checkVisibility())
  const texts = (svg) => [...svg.querySelectorAll('text')].filter((text) => text.textContent.trim() !== '')
  const leaves = (text) => text.querySelector('tspan') ? [...text.querySelectorAll('tspan')] : [text]
  const crosses = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3
  const overlapping = plots.flatMap((svg) => {
    const frame = svg.getBoundingClientRect()
    const own = texts(svg).flatMap(leaves).map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }))
    const clashes = own.flatMap((a, i) => own.slice(i + 1).filter((b) => crosses(a.box, b.box)).map((b) => a.text + ' | ' + b.text))
    const outside = own.filter(({ box }) => box.left < frame.left - 1 || box.right > frame.right + 1).map(({ text }) => text + ' |')
    return [...clashes, ...outside]
  })
  const arm = document.querySelector('.figures div')
  return {
    pageWidth: document.documentElement.scrollWidth,
    background: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.querySelector('figure svg')).color,
    armInk: arm === null ? null : getComputedStyle(arm).borderTopColor,
    shown: plots.length,
    smallestText: Math.min(...plots.flatMap(texts).map((text) => text.getBoundingClientRect().height)),
    scrollingTables: [...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth).length,
    overlapping,
  }
})()`

/** A style's colour as a browser tells it. */
export function rgb(hex: string): string {
  const channels = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16))
  return `rgb(${channels.join(', ')})`
}
