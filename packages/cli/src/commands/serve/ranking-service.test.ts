/** examples/ranking-service as its README starts it, over a model of the log of examples/own-log. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Child } from '../../testing/child.ts'
import { tinyModel } from '../../testing/tiny-model.ts'
import { runCommandLine } from '../program.ts'

const example = (path: string) => fileURLToPath(new URL(`../../../../../examples/${path}`, import.meta.url))
const home = temporaryDirectory()
let child: Child

beforeAll(async () => {
  const log = execFileSync(process.execPath, [example('own-log/make-log.mjs')], {
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
  })
  writeFileSync(join(home, 'log.csv'), `${log.split('\n').slice(0, 2_001).join('\n')}\n`)
  writeFileSync(join(home, 'tiny.json'), JSON.stringify(tinyModel))
  const data = ['--data', join(home, 'log.csv'), '--schema', example('own-log/schema.json'), '--every', '1d']
  const model = ['--out', join(home, 'seed-1/snapshots'), '--config', join(home, 'tiny.json'), '--batch-rows', '256']
  expect(await runCommandLine(['train', ...data, ...model])).toBe(0)
  const program = [
    '--conditions=@headwater/source',
    '--import',
    import.meta.resolve('tsx'),
    example('ranking-service/serve.ts'),
  ]
  child = new Child(program, ['seed-1', '0'], home)
  await child.until(() => child.stdout.includes('ranking on'))
})
afterAll(async () => {
  child?.process.kill('SIGKILL')
  await child?.exited
})

const articles = [
  { id: 'a1', topics: ['politics'], words: 800 },
  { id: 'a2', topics: ['sports'], words: 800 },
  { id: 'a3', topics: ['travel', 'money'], words: 800 },
]

interface Ranking {
  readonly request: string
  readonly ranked: readonly { readonly id: string; readonly probability: number }[]
  readonly embedding: { readonly isKnown: boolean; readonly featureTimeMs: number | null }
}

async function post(path: string, body: unknown) {
  const [url] = /http:\S+/.exec(child.stdout)!
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, body: await response.json() }
}

const rank = async (reader: string): Promise<Ranking> =>
  (await post('/rank', { reader, device: 'phone', articles })).body as Ranking

async function untilRanked(reader: string, seen: (embedding: Ranking['embedding']) => boolean): Promise<Ranking> {
  for (;;) {
    const ranking = await rank(reader)
    if (seen(ranking.embedding)) return ranking
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

test('ranks at once, learns what readers open, and serves embeddings that know it', async () => {
  const first = await rank('ann')
  expect(first.embedding).toEqual({ isKnown: false, featureTimeMs: null })
  expect(first.ranked.map(({ probability }) => probability)).toEqual([0.5, 0.5, 0.5])

  // Ann opens sports and nothing else.
  for (let round = 0; round < 30; round++) {
    const { request } = await rank('ann')
    const answer = await post('/feedback', { request, opened: { a2: 90 } })
    expect(answer).toEqual({ status: 200, body: { accepted: 3 } })
  }
  // Refreshed beside the requests: soon the embedding knows of what was told after this moment.
  const sentMs = Date.now()
  await post('/feedback', { request: (await rank('ann')).request, opened: { a2: 90 } })
  const ann = await untilRanked('ann', ({ featureTimeMs }) => featureTimeMs !== null && featureTimeMs >= sentMs)
  expect(ann.ranked[0].id).toBe('a2')
  // Of the same articles, the ranker says something else to a reader with another embedding.
  const stranger = await rank('bob')
  expect(stranger.embedding.isKnown).toBe(false)
  expect(stranger.ranked.find(({ id }) => id === 'a2')).not.toEqual(ann.ranked[0])
})

test('refuses what it cannot rank, and an outcome that is in already', async () => {
  expect((await post('/rank', { reader: 'ann', device: 'phone', articles: [] })).status).toBe(400)
  const { request } = await rank('cy')
  expect((await post('/feedback', { request, opened: {} })).status).toBe(200)
  expect((await post('/feedback', { request, opened: {} })).status).toBe(404)
})

test('ends in order', async () => {
  child.process.kill('SIGTERM')
  expect(await child.exited).toBe(0)
  expect(child.stderr).not.toMatch(/error/i)
})
