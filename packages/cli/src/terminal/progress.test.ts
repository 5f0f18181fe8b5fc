import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { progressOn } from './progress.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** An output that keeps what is written. */
function outputOf(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 100 })
  const text = () => String(stream.read() ?? '')
  return { stream, text }
}

describe('without a terminal', () => {
  test('a line at the start, every five seconds and at the end', () => {
    const { stream, text } = outputOf(false)
    const progress = progressOn(stream)
    progress.begin('train', 2000)
    for (let step = 0; step <= 2000; step += 10) {
      progress.advance(step)
      vi.advanceTimersByTime(100)
    }
    progress.end()
    progress.close()
    expect(text()).toBe(
      [
        'train …',
        'train 25 %, 500 of 2,000, 100/s, 15 s left',
        'train 50 %, 1,000 of 2,000, 100/s, 10 s left',
        'train 75 %, 1,500 of 2,000, 100/s, 5 s left',
        'train 100 %, 2,000 of 2,000, 100/s, 0 s left',
        'train done in 20.1 s',
        '',
      ].join('\n'),
    )
  })

  test('kernels that are compiled, and the pace of what comes after alone', () => {
    const { stream, text } = outputOf(false)
    const progress = progressOn(stream)
    progress.begin('train', 100)
    for (let number = 1; number <= 28; number++) {
      progress.compiling(number, 28)
      vi.advanceTimersByTime(500)
    }
    for (let step = 1; step <= 71; step++) {
      progress.advance(step)
      vi.advanceTimersByTime(100)
    }
    expect(text().split('\n')).toEqual([
      'train …',
      'compiling kernels 11 of 28',
      'compiling kernels 21 of 28',
      'train 11 %, 11 of 100, 10/s, 9 s left',
      'train 61 %, 61 of 100, 10/s, 4 s left',
      '',
    ])
  })

  test('a stage that goes on from where another was is not thought to have begun there', () => {
    const { stream, text } = outputOf(false)
    const progress = progressOn(stream)
    progress.begin('serve', 100_000)
    progress.advance(60_000)
    vi.advanceTimersByTime(5000)
    progress.advance(60_500)
    expect(text()).toBe('serve …\nserve 60 %, 60,500 of 100,000, 100/s, 6 min 35 s left\n')
  })

  test('a share instead of a count, and nothing of time left before anything is done', () => {
    const { stream, text } = outputOf(false)
    const progress = progressOn(stream)
    progress.begin('publish', 0)
    progress.advance(0)
    vi.advanceTimersByTime(5000)
    progress.advance(0)
    vi.advanceTimersByTime(5000)
    progress.advance(0.5)
    vi.advanceTimersByTime(5000)
    progress.advance(1.2)
    expect(text()).toBe(
      ['publish …', 'publish 0 %', 'publish 50 %, 10 s left', 'publish 100 %, 0 s left', ''].join('\n'),
    )
  })

  test('a stage that ends before its total is not drawn as done', () => {
    const { stream, text } = outputOf(true)
    const progress = progressOn(stream)
    progress.begin('read 1/4', 1000)
    progress.advance(200)
    progress.end(250)
    const drawn = stripVTControlCharacters(text())
    expect(drawn).toContain('25 %  250/1000')
    expect(drawn).not.toContain('100 %')
    progress.close()
  })

  test('no number is ever anything but one', () => {
    for (const total of [0, 1, 1000])
      for (const steps of [[0], [0, 0], [total], [0, total], [total, 0], [5, 4, 3], [1e-9, 1e9]]) {
        const { stream, text } = outputOf(false)
        const progress = progressOn(stream)
        progress.begin('stage', total)
        for (const done of steps) {
          progress.advance(done)
          vi.advanceTimersByTime(6000)
          progress.advance(done)
        }
        progress.end()
        expect(text()).not.toMatch(/NaN|Infinity|∞|-\d|e\+/)
      }
  })
})

describe('in a terminal', () => {
  test('a bar with counts, rate and time left, and then its time', () => {
    const { stream, text } = outputOf(true)
    const progress = progressOn(stream)
    progress.begin('serve', 1000)
    progress.advance(600)
    vi.advanceTimersByTime(2000)
    progress.advance(700)
    vi.advanceTimersByTime(200)
    const drawn = text()
    expect(drawn).toContain('\x1b[?25l')
    expect(stripVTControlCharacters(drawn)).toMatch(/serve {8}\[=+-+\] 70 % {2}700\/1000 {2}50\/s {2}6 s left/)
    progress.end()
    const ended = text()
    expect(stripVTControlCharacters(ended)).toMatch(/100 % {2}1000\/1000 {2}50\/s {2}2\.2 s/)
    expect(ended).toContain('\x1b[?25h')
    expect(drawn + ended).not.toMatch(/NaN|Infinity|INF|NULL/)
  })

  test('a stage that breaks off gives the cursor back, and is not drawn as done', () => {
    const { stream, text } = outputOf(true)
    const progress = progressOn(stream)
    progress.begin('train', 0)
    progress.advance(0.25)
    progress.close()
    const drawn = text()
    expect(drawn.lastIndexOf('\x1b[?25h')).toBeGreaterThan(drawn.lastIndexOf('\x1b[?25l'))
    expect(stripVTControlCharacters(drawn)).not.toContain('100 %')
    progress.close()
    expect(text()).toBe('')
    expect(vi.getTimerCount()).toBe(0)
  })
})
