/** What a report's page logs, asks for and looks like in a real browser. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { accessibilityViolations, type openBrowser, temporaryDirectory } from '@headwater/testkit'

type Browser = Awaited<ReturnType<typeof openBrowser>>
type Page = Awaited<ReturnType<Browser['newPage']>>

export interface PageOptions {
  readonly width: number
  readonly colorScheme: 'light' | 'dark'
  readonly media?: 'print'
  /** Whether all that is folded is opened first. */
  readonly unfolded?: boolean
}

interface Looks {
  readonly pageWidth: number
  readonly pageHeight: number
  readonly background: string
  readonly ink: string
  /** Colour of the border of key figures; null where there are none. */
  readonly armInk: string | null
  readonly shown: number
  readonly smallestText: number
  readonly scrollingTables: number
  /** Those whose first column is still there when they were scrolled to their end. */
  readonly keptNames: number
  /** Plots whose letters lie over one another, or beyond the plot. */
  readonly overlapping: readonly string[]
}

/** Writes a page, for `lookAt`. @returns its address */
export function writePage(page: string): string {
  const file = join(temporaryDirectory(), 'report.html')
  writeFileSync(file, page)
  return pathToFileURL(file).href
}

export function lookAt(browser: Browser, address: string, options: PageOptions) {
  return onPage(browser, address, options, async (page, messages, requests) => {
    const looks: Looks = await page.evaluate(measurement)
    return { messages, requests, looks }
  })
}

export function violationsOf(browser: Browser, address: string, options: PageOptions): Promise<string[]> {
  return onPage(browser, address, options, accessibilityViolations)
}

/** Follows the link to a section. @returns whether its content is in view then */
export function followContents(browser: Browser, address: string, id: string): Promise<boolean> {
  return onPage(browser, address, { width: 1280, colorScheme: 'light' }, async (page) => {
    await page.click(`nav a[href="#${id}"]`)
    return page.evaluate(`(() => {
      const content = document.getElementById('${id}')
      const { top } = content.getBoundingClientRect()
      return content.closest('details').open && content.checkVisibility() && top >= 0 && top < innerHeight
    })()`)
  })
}

async function onPage<T>(
  browser: Browser,
  address: string,
  { width, colorScheme, media, unfolded = false }: PageOptions,
  use: (page: Page, messages: string[], requests: string[]) => Promise<T>,
): Promise<T> {
  const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme })
  try {
    const messages: string[] = []
    const requests: string[] = []
    page.on('console', (message) => messages.push(message.text()))
    page.on('pageerror', (error) => messages.push(error.message))
    page.on('request', (request) => requests.push(request.url()))
    await page.goto(address)
    if (media) await page.emulateMedia({ media })
    if (unfolded) await page.evaluate(`document.querySelectorAll('details').forEach((own) => { own.open = true })`)
    return await use(page, messages, requests)
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
  const boxes = [...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth)
  const keptNames = boxes.filter((box) => {
    box.scrollLeft = box.scrollWidth
    return Math.abs(box.querySelector('tbody th').getBoundingClientRect().left - box.getBoundingClientRect().left) < 1
  })
  return {
    pageWidth: document.documentElement.scrollWidth,
    pageHeight: document.documentElement.scrollHeight,
    background: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.querySelector('figure svg')).color,
    armInk: arm === null ? null : getComputedStyle(arm).borderTopColor,
    shown: plots.length,
    smallestText: Math.min(...plots.flatMap(texts).map((text) => text.getBoundingClientRect().height)),
    scrollingTables: boxes.length,
    keptNames: keptNames.length,
    overlapping,
  }
})()`

/** A style's colour as a browser tells it. */
export function rgb(hex: string): string {
  const channels = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16))
  return `rgb(${channels.join(', ')})`
}
