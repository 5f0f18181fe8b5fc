/** The console: asks the service, and shows what it tells. */

import { byId, say } from './dom.js'
import { Drift } from './drift.js'
import { zoned } from './format.js'
import { endOf, joined } from './history.js'
import { LookUp } from './look-up.js'
import { Overview } from './overview.js'
import { ask, hasToken, Refusal, refusalText, useToken } from './service.js'
import { Snapshots } from './snapshots.js'

/** Time shown: its length, its steps, and how many of them there are at most. */
const ranges = {
  recent: { name: '15 minutes', spanMs: 900e3, stepMs: 2e3, most: 450 },
  day: { name: '24 hours', spanMs: 86_400e3, stepMs: 120e3, most: 720 },
}
/** Shown of a service that has not run for longer. */
const leastSteps = 60
const pollMs = 2_000
/** Of snapshots and the map, which change seldom and cost more. */
const slowMs = 10_000
const longestPauseMs = 30_000

/** @typedef {import('./history.js').Columns} Columns */

class Console {
  #overview = new Overview()
  #snapshots = new Snapshots(() => void this.#loadSlow())
  #drift = new Drift(() => void this.#loadSlow())
  /** @type {Record<'recent' | 'day', Columns | null>} */
  #histories = { recent: null, day: null }
  /** @type {'recent' | 'day'} */
  #range = 'recent'
  #failures = 0
  #awaySince = 0
  #slowAtMs = 0
  #nowMs = 0
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer
  #isAsking = false

  constructor() {
    new LookUp()
    byId('sign-in').addEventListener('submit', (event) => {
      event.preventDefault()
      useToken(/** @type {HTMLInputElement} */ (byId('token')).value.trim())
      void this.poll()
    })
    byId('sign-out').addEventListener('click', () => {
      useToken(null)
      this.#histories = { recent: null, day: null }
      this.#askForToken('')
    })
    for (const input of document.querySelectorAll('input[name=range]')) {
      input.addEventListener('change', () => {
        this.#range = /** @type {any} */ (input).value
        this.#draw()
      })
    }
    // Nobody looks: the service keeps what is missed.
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && document.body.dataset.state !== 'asking') void this.poll()
    })
  }

  async poll() {
    if (this.#isAsking) return
    this.#isAsking = true
    clearTimeout(this.#timer)
    try {
      const { recent, day } = this.#histories
      const data = await ask(`console/data?recent=${endOf(recent)}&day=${endOf(day)}`)
      this.#show(data)
      if (Date.now() - this.#slowAtMs >= slowMs) await this.#loadSlow()
      // Not before: a poll that comes while this one goes on does nothing, and sets no other.
      this.#next(pollMs)
    } catch (error) {
      // Without a token it is no mistake yet.
      if (error instanceof Refusal && error.status === 401) this.#askForToken(hasToken() ? refusalText(error) : '')
      else if (error instanceof Refusal && error.status === 403) this.#askForToken(refusalText(error))
      else this.#isAway(error)
    } finally {
      this.#isAsking = false
    }
  }

  /** @param {number} afterMs */
  #next(afterMs) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (!document.hidden) void this.poll()
    }, afterMs)
  }

  /** @param {any} data */
  #show(data) {
    const { caller, nowMs } = data
    this.#failures = 0
    this.#nowMs = nowMs
    for (const range of /** @type {const} */ (['recent', 'day']))
      this.#histories[range] = joined(this.#histories[range], data[range], ranges[range].most)
    const isFirst = document.body.dataset.state !== 'live'
    document.body.dataset.state = 'live'
    byId('sign-in').hidden = true
    byId('away').hidden = true
    byId('controls').hidden = false
    byId('sign-out').hidden = !hasToken()
    document.querySelector('main')?.removeAttribute('hidden')
    // The time changes each time, which need not be read out.
    if (isFirst)
      byId('state-text').replaceChildren('Live ', Object.assign(document.createElement('time'), { ariaHidden: 'true' }))
    const time = byId('state-text').querySelector('time')
    if (time !== null) say(time, zoned(nowMs))
    say(byId('who'), `Tenant ${caller.tenant}, ${hasToken() ? `token ${caller.name}` : 'without a token'}`)
    this.#snapshots.know(data)
    this.#drift.know(data)
    this.#overview.show(data, /** @type {Columns} */ (this.#histories.recent))
    this.#draw()
  }

  #draw() {
    const columns = this.#histories[this.#range]
    if (columns === null) return
    const { name, spanMs, stepMs } = ranges[this.#range]
    // A service that is young fills its charts all the same.
    const firstMs = columns.atMs[0] ?? this.#nowMs
    const fromMs = Math.max(this.#nowMs - spanMs, Math.min(firstMs - stepMs, this.#nowMs - leastSteps * stepMs))
    this.#overview.draw(columns, { fromMs, toMs: this.#nowMs, stepMs, name })
  }

  async #loadSlow() {
    this.#slowAtMs = Date.now()
    try {
      await this.#snapshots.load()
      await this.#drift.load()
    } catch (error) {
      // The next poll tells it.
      if (!(error instanceof Refusal)) return
      say(byId('drift-note'), refusalText(error))
    }
  }

  /** @param {string} why */
  #askForToken(why) {
    clearTimeout(this.#timer)
    const wasAsking = document.body.dataset.state === 'asking'
    document.body.dataset.state = 'asking'
    document.querySelector('main')?.setAttribute('hidden', '')
    byId('controls').hidden = true
    byId('away').hidden = true
    byId('sign-in').hidden = false
    say(byId('state-text'), 'Not connected')
    say(byId('who'), '')
    say(byId('sign-in-error'), why)
    useToken(null)
    const input = /** @type {HTMLInputElement} */ (byId('token'))
    input.value = ''
    if (!wasAsking) input.focus()
  }

  /** @param {unknown} error */
  #isAway(error) {
    if (this.#failures === 0) this.#awaySince = Date.now()
    const pauseMs = Math.min(longestPauseMs, pollMs * 2 ** this.#failures)
    this.#failures++
    document.body.dataset.state = 'away'
    say(byId('state-text'), 'No answer')
    const why = error instanceof Refusal ? ` It says ${refusalText(error)}.` : ''
    byId('away').hidden = false
    say(
      byId('away'),
      `The service has not answered since ${zoned(this.#awaySince)}. What is below is from before; the page tries again by itself.${why}`,
    )
    this.#next(pauseMs)
  }
}

void new Console().poll()
