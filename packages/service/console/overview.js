/** Reads, refreshes and the service: tiles and charts of what `console/data` tells. */
import { StalenessChart } from './bars.js'
import { byId, element, say, table } from './dom.js'
import { bytes, count, duration, moment, percent, rate } from './format.js'
import { latestOf, rowsOf, sumOf } from './history.js'
import { aSecond, line, most, share } from './lines.js'
import { showNow } from './now.js'
import { tiles } from './tiles.js'
import { TimeChart } from './time-chart.js'
import { ownQueue, sharedQueue } from './waits.js'
import { Watch } from './watch.js'

/** @typedef {import('./history.js').Columns} Columns */

/** Tiles tell of the last ten seconds, or of what was measured last. */
const tileSteps = 5
const tileMs = 10_000

export class Overview {
  #charts
  #showReads = tiles(byId('read-tiles'), ['Read p50', 'Read p99', 'Reads', 'Users served', 'From the store', 'Default'])
  #showRefreshes = tiles(byId('refresh-tiles'), [
    'Queue',
    'Longest wait',
    'Freshness p50',
    'Written',
    'Shed',
    'Encoder',
  ])
  #showService = tiles(byId('service-tiles'), ['Store', 'Store errors', 'Under way', 'Encoder restarts'])
  /** @type {Map<string, StalenessChart>} */
  #staleness = new Map()
  #watch = new Watch()
  /** @type {string} */
  #figures = ''
  /** @type {string} */
  #dead = ''

  constructor() {
    const reads = [
      new TimeChart({
        title: 'Read latency',
        kind: 'lines',
        scale: 'log',
        format: duration,
        lines: [line('p99', 'amber', 'readP99'), line('p50', 'blue', 'readP50')],
      }),
      new TimeChart({
        title: 'Reads a second',
        kind: 'bars',
        scale: 'linear',
        format: rate,
        unit: '/s',
        lines: [aSecond('reads', 'blue', 'reads')],
      }),
      new TimeChart({
        title: 'Rows served',
        kind: 'bars',
        scale: 'share',
        format: percent,
        lines: [
          share('fresh', 'blue'),
          share('stale', 'amber'),
          share('default', 'grey'),
          share('unavailable', 'pink'),
        ],
      }),
    ]
    const refreshes = [
      new TimeChart({
        title: 'Users that wait',
        kind: 'bars',
        scale: 'whole',
        format: count,
        unit: 'users',
        lines: [most('users', 'green', 'queueUsers')],
      }),
      new TimeChart({
        title: 'Time until written',
        kind: 'lines',
        scale: 'log',
        format: duration,
        lines: [
          line('p99', 'amber', 'freshnessP99'),
          line('p50', 'green', 'freshnessP50'),
          line('wait', 'pink', 'queueOldest'),
        ],
      }),
      new TimeChart({
        title: 'Refreshes a second',
        kind: 'bars',
        scale: 'linear',
        format: rate,
        unit: '/s',
        lines: [
          aSecond('written', 'green', 'landed'),
          aSecond('failed', 'pink', 'failed'),
          aSecond('shed', 'amber', 'shed'),
        ],
      }),
    ]
    byId('read-charts').append(...reads.map(({ figure }) => figure))
    byId('refresh-charts').append(...refreshes.map(({ figure }) => figure))
    this.#charts = [...reads, ...refreshes]
  }

  /**
   * @param {any} data
   * @param {Columns} recent
   */
  show(data, recent) {
    const seconds = sumOf(recent, 'seconds', tileSteps)
    const per = (/** @type {string} */ name) => (seconds === 0 ? null : sumOf(recent, name, tileSteps) / seconds)
    const { totals, encoder } = data
    const rows = rowsOf(recent, tileSteps)
    const told = rows.all > 0 ? rows : rowsOf(recent)
    const part = (/** @type {number} */ some) => (told.all === 0 ? null : some / told.all)
    const when = rows.all > 0 ? '' : ', last 15 min'
    /** @param {string} name @param {string} more */
    const measured = (name, more) => {
      const latest = latestOf(recent, name)
      if (latest === null) return /** @type {const} */ (['–', 'nothing in the last 15 min'])
      const { value, agoMs } = latest
      return /** @type {const} */ ([duration(value), agoMs < tileMs ? more : `${duration(agoMs / 1000)} ago`])
    }
    this.#showReads([
      measured('readP50', 'store and pooling'),
      measured('readP99', 'one in a hundred is slower'),
      [`${rate(per('reads'))} /s`, 'requests'],
      [`${rate(seconds === 0 ? null : rows.all / seconds)} /s`, `${count(totals.reads)} rows since the start`],
      [percent(part(told.fresh + told.stale)), `${percent(part(told.stale))} stale${when}`],
      [percent(part(told.misses)), `${count(totals.default)} rows since the start`],
    ])
    const waits = data.sharedQueues === null ? ownQueue(data) : sharedQueue(data)
    showNow(data, recent, waits, this.#watch.look(data, recent))
    // What has nothing to show says how it comes to have something.
    this.#begin('read', 'reads', totals.reads > 0)
    const { refreshes, failed, shed, refused } = totals
    const hasRefreshed = refreshes + failed + shed + refused + data.queue.users > 0 || data.sharedQueues !== null
    this.#begin('refresh', 'refreshes', hasRefreshed)
    this.#showRefreshes([
      waits.users,
      waits.longest,
      measured('freshnessP50', `p99 ${measured('freshnessP99', '')[0]}`),
      [`${rate(per('landed'))} /s`, `${count(totals.refreshes)} since the start`],
      waits.shed,
      encoder === null
        ? ['–', 'none of its own']
        : [encoder.state, `started again ${encoder.restarts === 1 ? 'once' : `${count(encoder.restarts)} times`}`],
    ])
    byId('refresh-tiles').firstElementChild?.classList.toggle('bad', waits.isOld || waits.dead.length > 0)
    this.#showDead(waits.dead)
    byId('refresh-tiles').lastElementChild?.classList.toggle('bad', encoder !== null && encoder.state !== 'ready')
    for (const staleness of data.staleness.models) this.#stalenessOf(staleness.model).show(staleness)
    this.#showFigures(data)
  }

  /** @param {string} name @param {string} section @param {boolean} has */
  #begin(name, section, has) {
    byId(`${section}-none`).hidden = has
    for (const part of ['tiles', 'charts']) byId(`${name}-${part}`).hidden = !has
  }

  /**
   * @param {Columns} columns
   * @param {import('./steps.js').Span} span
   */
  draw(columns, span) {
    for (const chart of this.#charts) chart.show(columns, span)
  }

  /** @param {readonly (readonly string[])[]} rows */
  #showDead(rows) {
    const text = JSON.stringify(rows)
    if (text === this.#dead) return
    this.#dead = text
    byId('dead-letters').replaceChildren(
      ...(rows.length === 0
        ? []
        : [table('Dead letters of the shared queue, since it was made', ['Model', 'Reason', 'Entries'], rows)]),
    )
  }

  /** @param {string} model */
  #stalenessOf(model) {
    const known = this.#staleness.get(model)
    if (known !== undefined) return known
    const chart = new StalenessChart()
    if (this.#staleness.size > 0) say(chart.title, `Age of rows served, ${model}`)
    this.#staleness.set(model, chart)
    byId('read-charts').append(chart.figure)
    return chart
  }

  /** @param {any} data */
  #showFigures({ service, startedMs, encoder }) {
    byId('service-all').hidden = service === null
    byId('service-tiles').hidden = service === null
    const since = `This process started ${moment(startedMs)}.`
    if (service === null) {
      say(byId('service-note'), `${since} Figures of all tenants together need a token with the scope metrics.`)
      byId('service-troubles').replaceChildren()
      return
    }
    say(byId('service-note'), `${since} Figures are of all tenants together, since then.`)
    /** @param {string} name @param {Readonly<Record<string, string>>} [labels] */
    const of = (name, labels = {}) =>
      service.find(
        (/** @type {any} */ figure) =>
          figure.name === name && Object.entries(labels).every(([key, value]) => figure.labels[key] === value),
      )?.value ?? null
    const [asked, refreshing] = ['request', 'refresh'].map((during) => of('headwater_store_errors_total', { during }))
    this.#showService([
      [bytes(of('headwater_store_bytes')), 'all tenants'],
      [count((asked ?? 0) + (refreshing ?? 0)), `${count(asked)} in requests, ${count(refreshing)} in refreshes`],
      [count(of('headwater_requests_under_way')), 'requests'],
      [encoder === null ? '–' : count(encoder.restarts), ''],
    ])
    const text = JSON.stringify(service)
    if (text === this.#figures) return
    this.#figures = text
    const rows = service.map((/** @type {any} */ figure) => [nameOf(figure), figure.value.toLocaleString('en-US')])
    byId('service-figures').replaceChildren(table('Counters and gauges', ['Figure', 'Value'], rows))
    const troubles = service.filter((/** @type {any} */ { name, value }) => value > 0 && isTrouble(name))
    byId('service-troubles').replaceChildren(
      ...(troubles.length === 0
        ? []
        : [
            table(
              'Counted since the start, to look into',
              ['Figure', 'Value', 'What it is'],
              troubles.map((/** @type {any} */ figure) => [
                nameOf(figure),
                figure.value.toLocaleString('en-US'),
                figure.help,
              ]),
            ),
          ]),
    )
  }
}

/** By their names, so that figures that are added later are seen as well. @param {string} name */
const isTrouble = (name) => /error|failed|lost|dropped|dead|shed|refused/.test(name)

/** @param {{ name: string, labels: Readonly<Record<string, string>> }} figure */
function nameOf({ name, labels }) {
  const of = Object.entries(labels).map(([key, value]) => `${key} ${value}`)
  return element(
    'span',
    {},
    element('code', {}, name.replace(/^headwater_/, '')),
    of.length === 0 ? '' : ` ${of.join(', ')}`,
  )
}
