/** Loads everything, says that it is ready, and from then on ranks again after each event, without a request. */
import { NoAdapterError } from '@headwater/gpu'
import { type Item, loadCatalogue } from './catalogue.ts'
import { Events } from './events.ts'
import { context, outcomes, task } from './news.ts'
import type { Towers } from './towers.ts'
import * as view from './view.ts'
import { Visitor } from './visitor.ts'
import { webgpuTowers } from './webgpu-towers.ts'

const model = 'model'
/** Articles that are shown, of all that are ranked. */
const shown = 8
/** Encodes whose median is the steady time. */
const repeats = 20

async function openTowers(): Promise<Towers> {
  try {
    return await webgpuTowers(model)
  } catch (cause) {
    if (!(cause instanceof NoAdapterError)) throw cause
    const [why] = cause.message.split(/[.:]/)
    view.notice(`${why}, so the same towers run as ONNX models on the CPU, by onnxruntime-web.`)
    const { onnxTowers } = await import('./onnx-towers.ts')
    return onnxTowers(model)
  }
}

async function start(): Promise<void> {
  const towers = await openTowers()
  const { space } = towers
  const catalogue = await loadCatalogue(model, space)
  const visitor = await Visitor.open(space, catalogue, await Events.open())
  const column = space.tasks.findIndex(({ name }) => name === task)

  const embed = () => timed(() => towers.embed(visitor.userRow(Date.now())))
  const first = await embed()
  view.figure('first', `${ms(performance.now())} after the page was opened, ${ms(first.tookMs)} of it computing`)
  const steady: number[] = []
  while (steady.length < repeats) steady.push((await embed()).tookMs)
  view.figure('steady', `${ms(steady.sort((a, b) => a - b)[repeats / 2])}, the median of ${repeats}`)
  view.figure('place', towers.place)

  async function rank(): Promise<void> {
    const nowMs = Date.now()
    const { items } = catalogue
    const embedding = await towers.embed(visitor.userRow(nowMs))
    const { result: probabilities, tookMs } = await timed(() =>
      towers.predict(embedding, visitor.itemRows(items, context(), nowMs)),
    )
    const ranked = items
      .map((item, i) => ({ item, probability: probabilities[i * space.tasks.length + column] }))
      .sort((a, b) => b.probability - a.probability)
    view.embedding(embedding)
    view.articles(ranked.filter(({ item }) => !visitor.hasMet(item)).slice(0, shown), act)
    view.figure('ranking', `${ms(tookMs)} for ${items.length} articles`)
    view.figure('events', String(visitor.count))
    // For the browser's console, and for the check that holds the page against Node.
    Object.assign(globalThis, { latest: { nowMs, embedding, ranked } })
  }

  async function act(item: Item, outcome: string): Promise<void> {
    const values = { ...item.values, ...context(), ...outcomes[outcome](item) }
    await visitor.add({ item: item.id, timeMs: Date.now(), values })
    await rank()
  }

  await rank()
  view.onForget(async () => {
    await visitor.forget()
    await rank()
  })
  watchRequests()
  view.status('Ready: from here on this page requests nothing.', 'ready')
}

/** Counts what the page requests from now on. */
function watchRequests(): void {
  let count = 0
  view.figure('requests', '0')
  new PerformanceObserver((list) => {
    count += list.getEntries().length
    view.figure('requests', String(count))
  }).observe({ type: 'resource' })
}

async function timed<Result>(work: () => Promise<Result>): Promise<{ result: Result; tookMs: number }> {
  const startMs = performance.now()
  const result = await work()
  return { result, tookMs: performance.now() - startMs }
}

const ms = (value: number) => `${value.toLocaleString('en', { maximumSignificantDigits: 3 })} ms`

addEventListener('unhandledrejection', ({ reason }) =>
  view.status(reason instanceof Error ? reason.message : String(reason), 'failed'),
)
void start()
