/** The rules of `alerts/`, as PromQL's own grammar reads them, against `/metrics` of a service that listens. */
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { interceptStore } from '@headwater/pooling/testing/intercepted-store'
import { startMs } from '@headwater/pooling/testing/towers'
import { type Figures, registerLogMetrics } from '@headwater/service'
import { ask, startService } from '@headwater/service/testing/listening-service'
import { observeService } from '@headwater/service/testing/observed-service'
import { type Scrape, scrape } from '@headwater/service/testing/scraped-metrics'
import { parser as promql } from '@prometheus-io/lezer-promql'
import { expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { registerClusterMetrics } from '../index.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

const textOf = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8')
const { groups } = parseYaml(textOf('packages/service/alerts/headwater.rules.yaml')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)

/** Names in a PromQL expression, in their order. */
interface Names {
  readonly metrics: string[]
  readonly functions: string[]
  /** Of matchers, and after `by`. */
  readonly labels: string[]
  /** As they are written, `label="value"`. */
  readonly matchers: string[]
}

/** @throws where it is no expression */
function namesIn(expression: string): Names {
  const names: Names = { metrics: [], functions: [], labels: [], matchers: [] }
  promql.parse(expression).iterate({
    enter: ({ name, type, from, to }) => {
      const text = expression.slice(from, to)
      if (type.isError) throw new Error(`no PromQL at ${from}: ${expression}`)
      if (name === 'VectorSelector') names.metrics.push(text.replace(/\{.*/s, ''))
      if (name === 'FunctionIdentifier') names.functions.push(text)
      if (name === 'LabelName') names.labels.push(text)
      if (name === 'UnquotedLabelMatcher') names.matchers.push(text)
    },
  })
  return names
}

/** Labels that samples of the metrics have, as they are written, `label="value"`. */
function labelsOf({ samples }: Scrape, metrics: readonly string[]): string[] {
  return [...samples.keys()]
    .filter((sample) => metrics.includes(sample.replace(/\{.*/s, '')))
    .flatMap((sample) => sample.match(/\w+="(?:[^"\\]|\\.)*"/g) ?? [])
}

/** Two of them, which a downstream model predicted with one probability. */
const outcomes = (prediction: number) => ({
  downstream: 'ctr',
  requests: ['a', 'b'],
  predictions: [prediction, 1 - prediction],
  labels: [1, 0],
  timesMs: [1, 2],
})

/** Others' metrics. */
function alsoMetrics(figures: Figures) {
  const queue = {
    tenant: 'default',
    model: 'm',
    seenMs: 0,
    nowMs: 0,
    waiting: 0,
    taken: 0,
    dead: 0,
    sums: { queued: 0, coalesced: 0, shed: 0, taken: 0, claimed: 0, done: 0 },
    buried: { damaged: 0, version: 0, model: 0, failed: 0 },
  }
  registerLogMetrics(figures, { served: () => [{ rows: 0, files: 0, dropped: 0, lost: 0 }] })
  registerClusterMetrics(figures, {
    queues: [queue],
    offers: new Map(),
    conflicts: new Map([['m', 0]]),
    clock: { offsetMs: 0 },
  })
}

it('rules name metrics and labels that are there, and say what to do', async () => {
  let appends = 0
  const append = async () => {
    if (appends++ === 0) throw new Error('the disk is full')
  }
  const { url, ask, control } = await observeService({ alsoMetrics, outcomes: () => ({ append }) })
  for (const code of ['internal', undefined]) {
    expect((await ask('POST', '/v1/outcomes', outcomes(0.5))).body.error?.code).toBe(code)
  }
  control.compared = { residual: 0.2, centredCosine: 0.97, varianceKept: 0.96, effectiveRank: 3.5 }
  const scraped = await scrape(url)
  const { types } = scraped
  expect(() => namesIn('sum(rate(headwater_events_total[5m]) >')).toThrow(/no PromQL/)
  expect(namesIn('sum by (e) (rate(a{b="c"}[5m])) / d > 1')).toEqual({
    metrics: ['a', 'd'],
    functions: ['rate'],
    labels: ['e', 'b'],
    matchers: ['b="c"'],
  })
  expect(rules.length).toBeGreaterThan(8)
  for (const { alert, expr, labels, annotations, for: lasts } of rules) {
    const names = namesIn(expr)
    expect(names.metrics.length, alert).toBeGreaterThan(0)
    for (const name of names.metrics) {
      const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '')
      expect(types.has(family), `${alert}: ${name}`).toBe(true)
      if (family !== name) expect(types.get(family), name).toBe('histogram')
    }
    const there = labelsOf(scraped, names.metrics)
    for (const matcher of names.matchers) expect(there, alert).toContain(matcher)
    const labelsThere = there.map((label) => label.replace(/=.*/s, ''))
    for (const name of names.labels) expect(labelsThere, alert).toContain(name)
    // What the summary tells of must be left once it is summed up.
    const left = /\bby \(([^)]*)\)/.exec(expr)?.[1].split(', ') ?? labelsThere
    for (const [, name] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) expect(left, alert).toContain(name)
    expect(lasts).toMatch(/^\d+[mh]$/)
    expect(labels).toMatchObject({ severity: expect.stringMatching(/^(page|ticket)$/) })
    expect(annotations.description, `what to do about ${alert}`).toMatch(/^.{20,}\.$/)
  }
})

const entropy = 'headwater_downstream_normalized_entropy'

it.each([
  {
    signature: 'slow reads',
    alert: 'HeadwaterSlowReads',
    metrics: ['headwater_read_duration_seconds_bucket'],
    functions: ['histogram_quantile', 'rate'],
    labels: ['le'],
    threshold: /> 0\.01$/,
  },
  {
    signature: 'degraded downstream normalized entropy',
    alert: 'HeadwaterDownstreamDegraded',
    metrics: [entropy, entropy, entropy],
    functions: ['avg_over_time'],
    labels: [],
    threshold: /^\w+ > 1 or \w+ > 1\.\d+ \* avg_over_time\(/,
  },
  {
    signature: 'growing storage',
    alert: 'HeadwaterStorageGrows',
    metrics: ['headwater_store_bytes', 'headwater_store_bytes'],
    functions: ['predict_linear'],
    labels: [],
    threshold: /> \d+ \* headwater_store_bytes$/,
  },
])('a rule watches for $signature', ({ alert, metrics, functions, labels, threshold }) => {
  const found = rules.filter((rule) => rule.alert === alert)
  expect(found).toHaveLength(1)
  expect(namesIn(found[0].expr)).toEqual({ metrics, functions, labels, matchers: [] })
  expect(found[0].expr).toMatch(threshold)
})

it('what they watch for shows in their metrics: slow reads, bad predictions, a store that grows', async () => {
  const { url } = await startService({
    around: (store) =>
      interceptStore(store, {
        read: async (...asked) => {
          await wait(30)
          return store.read(...asked)
        },
      }),
  })
  const before = (await scrape(url)).samples
  const users = Array.from({ length: 500 }, (_, i) => `user-${i}`)
  const events = { users, items: users, timesMs: users.map(() => startMs), fields: {} }
  expect((await ask(url, '/v1/embeddings/read', { users: ['ann'], models: ['m'] })).status).toBe(200)
  expect((await ask(url, '/v1/outcomes', outcomes(0.01))).status).toBe(200)
  expect((await ask(url, '/v1/events', events)).status).toBe(200)
  const after = (await scrape(url)).samples
  // The threshold is a bucket's bound, so that the quantile beyond it is no guess.
  const reads = 'headwater_read_duration_seconds'
  expect([after.get(`${reads}_bucket{le="0.01"}`), after.get(`${reads}_count`)]).toEqual([0, 1])
  expect(before.has(`${entropy}{tenant="default",downstream="ctr"}`)).toBe(false)
  // −log₂ 0.01: each label was as unlikely.
  expect(after.get(`${entropy}{tenant="default",downstream="ctr"}`)).toBeCloseTo(Math.log2(100), 3)
  expect(after.get('headwater_store_bytes')).toBeGreaterThan(before.get('headwater_store_bytes')!)
})
