/**
 * The pooling service (`--filter` names a section; in the file of `--json` the others then stay as they were measured):
 *
 * - in-process: awaited reads of a pooling against the bare slab
 * - http: one user a call against a bare node:http that answers the same bytes
 * - http-json: the same in JSON
 * - http-batches: 100 users a call, from memory and from LMDB
 * - encoder-apart, encoder-shared: reads while the encoder is idle, always busy, and of a tower that is ten times dearer
 * - event-to-read: from an event to the next read that serves it
 * - changes: reads while snapshots are swapped and the encoder is killed
 * - overload: reads while more refreshes are offered than the encoder can do
 * - overload-reads: reads at three times what the service can answer
 */
import { type BatchFigures, benchBatchReads, benchSingleReads } from './pooling-http.ts'
import { judged, ratio, refreshSections, type Section, thousands } from './pooling-sections.ts'
import {
  digits,
  earlierSections,
  hostProvenance,
  matching,
  options,
  progress,
  publish,
  runBench,
  type Spread,
} from './report.ts'

const users = 100_000
const range = ({ median, p10, p90 }: Spread) => `${digits(median)} (${digits(p10)}–${digits(p90)})`

async function inProcess() {
  const { benchInProcess } = await import('./pooling-in-process.ts')
  const figures = await benchInProcess(1_000_000, progress)
  const { ours, oursInNewMemory, bare, singleUs } = figures
  const text = `in process, one user a call, ${figures.users.toLocaleString('en')} users in memory
  awaited reads   ${thousands(ours)}/s, in new memory each ${thousands(oursInNewMemory)}/s; the bare slab's get ${thousands(bare)}/s
  ours ÷ bare     ${ratio(figures.ratio)} (at least ${figures.ratioAtLeast}: ${judged(figures.ratio.median >= figures.ratioAtLeast)})
  one user        p50 ${digits(singleUs.p50)} µs, p99 ${digits(singleUs.p99)} µs (at most ${singleUs.p99AtMost}: ${judged(singleUs.p99 <= singleUs.p99AtMost)})`
  return { text, figures }
}

async function http(format: 'msgpack' | 'json') {
  const figures = await benchSingleReads(users, format)
  const { echo, plain, guarded, plainRatioAtLeast, guardedRatioAtLeast } = figures
  const { plainRatio, guardedRatio, plainProcessorRatio, guardedProcessorRatio } = figures
  const line = (name: string, rate: Spread, toEcho: Spread, byProcessor: Spread, atLeast: number) =>
    `  ${name}${thousands(rate)} requests/s, ${ratio(toEcho)} (at least ${atLeast}: ${judged(toEcho.median >= atLeast)}); by processor time ${ratio(byProcessor)}`
  const text = `http, one user a call, ${format === 'json' ? 'JSON and f32' : 'MessagePack and fp16'}, answers of ${figures.answerBytes} bytes, ${users.toLocaleString('en')} users in memory; ${figures.pinning}
  bare node:http, same bytes    ${thousands(echo)} requests/s
${line('without tokens and logs       ', plain, plainRatio, plainProcessorRatio, plainRatioAtLeast)}
${line('tokens, limits, metrics, log  ', guarded, guardedRatio, guardedProcessorRatio, guardedRatioAtLeast)}`
  return { text, figures }
}

async function httpBatches() {
  const figures = { memory: await benchBatchReads('memory', users), lmdb: await benchBatchReads('lmdb', users) }
  const lines = Object.values(figures).map((f: BatchFigures) => {
    const { usersPerSecond: rate, usersPerSecondAtLeast: atLeast, at70, p99MsAtMost: most } = f
    return `  ${f.store.padEnd(6)}  ${thousands(rate)} users/s a core (at least ${digits(atLeast / 1000)}k: ${judged(rate.median >= atLeast)}); at 70 %, of ${at70.steadyRounds} steady rounds of ${at70.rounds}, p50 ${range(at70.p50Ms)}, p99 ${range(at70.p99Ms)}, p99.9 ${range(at70.p999Ms)} ms (p99 at most ${most}: ${judged(at70.p99Ms.median <= most)})`
  })
  const text = `http-batches, 100 users a call, MessagePack and fp16, ${users.toLocaleString('en')} users; ${figures.memory.pinning}\n${lines.join('\n')}`
  return { text, figures }
}

const sections: readonly Section[] = [
  { name: 'in-process', run: inProcess },
  { name: 'http', run: () => http('msgpack') },
  { name: 'http-json', run: () => http('json') },
  { name: 'http-batches', run: httpBatches },
  ...refreshSections,
]

await runBench(async () => {
  const texts: string[] = []
  const about = hostProvenance()
  const { filter } = options()
  const measured: { [name: string]: object } = {}
  for (const { name, run } of matching(sections, filter)) {
    progress(`${name} …`)
    const found = await run()
    progress(found.text)
    texts.push(found.text)
    measured[name] = { commit: about.commit, date: about.date, ...found.figures }
  }
  publish('pooling', about, texts.join('\n\n'), { sections: { ...earlierSections(), ...measured } })
})
