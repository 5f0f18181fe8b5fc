/**
 * Our kernels against the best of onnxruntime-web's WebGPU provider, TensorFlow.js and jax-js, on one adapter in one run.
 *
 * - Every contestant has a device of its own from the same adapter, and its inputs in buffers there.
 * - Each result is first held against float64 values at a sample of places. Wrong ones are not timed.
 * - Warm-up: that run, two more alone, and one measurement. So pipelines are compiled and pooled buffers exist.
 * - A measurement: so many runs are queued as fill 80 ms at that contestant's speed, then its queue is awaited
 *   (`onSubmittedWorkDone`). Nothing is read back. How they are queued is each library's own way: one record of all runs
 *   for ours, `session.run` for onnxruntime, calls and a final submit for TensorFlow.js, jitted calls for jax-js.
 * - Rounds go through all contestants in turn, in an order that shifts; medians with p10 and p90.
 * - Where a library has several ways to do it, the fastest in the warm-up counts. Inputs are laid out as it likes them.
 */
import { requestDevice } from '@headwater/gpu'
import { type Attempt, type Contestant, type Peer, timeRuns } from './contestant.ts'
import { Ours } from './ours.ts'
import { Patience } from './patience.ts'
import { browserLikeGpu } from './peers/environment.ts'
import { installPeers, peerVersions } from './peers/install.ts'
import {
  type Beside,
  digits,
  type Figure,
  matching,
  options,
  percent,
  progress,
  provenance,
  publish,
  runBench,
  spread,
  table,
} from './report.ts'
import { measureRoofline, type Roofline, rates, rooflineText } from './roofline.ts'
import {
  checkSample,
  type PlannedWorkload,
  type Sample,
  sample,
  type Workload,
  withInputs,
  workloads,
} from './workloads.ts'

const rounds = 15
const measurementMs = 80
const maxRepeats = 400

/** One attempt that takes part in the rounds. */
interface Entry {
  readonly contestant: Contestant
  readonly attempt: Attempt
  readonly repeats: number
  readonly patience: Patience
  readonly warmMs: number
  readonly timesMs: number[]
}

/** Warms an attempt and finds how often it fits a measurement. */
async function enter(contestant: Contestant, attempt: Attempt): Promise<Entry> {
  const time = () => timeRuns(contestant, attempt, 1, new Patience())
  const onceMs = Math.min(await time(), await time())
  const repeats = Math.max(1, Math.min(maxRepeats, Math.round(measurementMs / onceMs)))
  const patience = new Patience()
  const warmMs = await timeRuns(contestant, attempt, repeats, patience)
  return { contestant, attempt, repeats, patience, warmMs, timesMs: [] }
}

/** What a run found besides figures. */
interface Findings {
  /** Peers that did not start. */
  readonly missing: { [name: string]: string }
  /** Ways of peers that compute something else on this adapter, or fail; others of theirs count then. */
  readonly excluded: string[]
  /** Operations that a peer has, but in no way that is right. */
  readonly failures: string[]
}

/** The fastest of a peer's ways that is right. */
async function fastestWay(
  peer: Peer,
  workload: Workload,
  expected: Sample,
  { excluded, failures }: Findings,
): Promise<Entry | undefined> {
  let best: Entry | undefined
  const attempts = await peer.attempts(workload)
  for (const attempt of attempts) {
    try {
      checkSample(peer.name, workload.name, await attempt.result(), expected)
      const entry = await enter(peer, attempt)
      progress(`  ${peer.name}: ${digits(entry.warmMs)} ms by ${attempt.way}`)
      const [slower, faster] = !best || entry.warmMs < best.warmMs ? [best, entry] : [entry, best]
      best = faster
      slower?.attempt.dispose()
    } catch (cause) {
      const tookMs = await enter(peer, attempt).then(
        ({ warmMs }) => ` (in ${digits(warmMs)} ms)`,
        () => '',
      )
      excluded.push(`${attempt.way}${tookMs}: ${cause instanceof Error ? cause.message : cause}`)
      progress(`  EXCLUDED ${excluded.at(-1)}`)
      attempt.dispose()
    }
  }
  if (attempts.length > 0 && !best) failures.push(`${peer.name} does ${workload.name} in no way that is right.`)
  return best
}

async function takeTurns(entries: readonly Entry[]): Promise<void> {
  for (let round = 0; round < rounds; round++)
    for (const i of entries.keys()) {
      const { contestant, attempt, repeats, patience, timesMs } = entries[(round + i) % entries.length]
      timesMs.push(await timeRuns(contestant, attempt, repeats, patience))
    }
}

interface Comparison extends Figure {
  readonly name: string
  /** How many times as fast as the best peer it is, and has to be. */
  readonly ratio: number | null
  readonly bound: number | null
  readonly beside: Beside | null
  /** Contestant → the way that was timed. */
  readonly ways: { readonly [name: string]: string }
}

async function compare(
  planned: PlannedWorkload,
  ours: Ours,
  peers: readonly Peer[],
  roofline: Roofline,
  findings: Findings,
): Promise<Comparison> {
  progress(planned.name)
  const workload = withInputs(planned)
  const expected = sample(workload)
  const { main, beside } = ours.prepare(workload)
  checkSample(ours.name, planned.name, await main.result(), expected)
  const own = [await enter(ours, main)]
  if (beside) own.push(await enter(ours, beside))
  for (const { attempt, warmMs } of own) progress(`  ${ours.name}: ${digits(warmMs)} ms by ${attempt.way}`)
  const rivals: Entry[] = []
  for (const peer of peers) {
    const entry = await fastestWay(peer, workload, expected, findings)
    if (entry) rivals.push(entry)
  }
  await takeTurns([...own, ...rivals])
  for (const { attempt } of [...own, ...rivals]) attempt.dispose()

  const medians = new Map(rivals.map(({ contestant, timesMs }) => [contestant.name, spread(timesMs).median]))
  const { median: ms, p10, p90 } = spread(own[0].timesMs)
  const { kernel, tuning, shape } = main
  return {
    name: planned.name,
    ...{ kernel, shape, tuning, ms, p10, p90 },
    ...rates(main, ms, roofline),
    peers: Object.fromEntries(peers.map(({ name }) => [name, medians.get(name) ?? null])),
    ratio: medians.size > 0 ? Math.min(...medians.values()) / ms : null,
    bound: planned.bound ?? null,
    beside: beside ? { way: beside.way, ...judge(planned, own[0].timesMs, own[1].timesMs) } : null,
    ways: Object.fromEntries([...own.slice(0, 1), ...rivals].map((e) => [e.contestant.name, e.attempt.way])),
  }
}

/** The backward pass by the forward one; fused by apart. Round by round, as both then met the same machine. */
function judge({ work }: PlannedWorkload, timesMs: readonly number[], besideMs: readonly number[]) {
  const { median: ms } = spread(besideMs)
  const { median: ratio } = spread(besideMs.map((beside, round) => beside / timesMs[round]))
  return work.kind === 'attention-backward'
    ? { ms, says: `${(1 / ratio).toFixed(2)} × the forward's time, at most 3`, holds: ratio >= 1 / 3 }
    : { ms, says: `${ratio.toFixed(2)} × as fast as apart, at least 1.3`, holds: ratio >= 1.3 }
}

function report(figures: readonly Comparison[], peers: readonly Peer[], roofline: Roofline, found: Findings): string {
  const cells = (of: (figure: Comparison) => string) => figures.map(of)
  const complete = Object.keys(found.missing).length === 0
  const judged = (holds: boolean) => (!holds ? 'MISSED' : complete ? 'holds' : 'open: a peer is missing')
  const verdict = ({ ratio, bound, beside }: Comparison) =>
    [
      ...(bound !== null && ratio !== null ? [`≥ ${bound} × ${judged(ratio >= bound)}`] : []),
      ...(beside ? [`${beside.says} ${beside.holds ? 'holds' : 'MISSED'}`] : []),
    ].join('; ')
  const text = table([
    { title: 'operation', cells: cells(({ name }) => name) },
    { title: 'ours, ms', cells: cells(({ ms }) => digits(ms)) },
    { title: 'p10 – p90', cells: cells(({ p10, p90 }) => `${digits(p10)} – ${digits(p90)}`) },
    { title: 'GFLOP/s', cells: cells(({ gflops }) => digits(gflops)) },
    { title: 'GB/s', cells: cells(({ gbps }) => digits(gbps)) },
    { title: 'of roofline', cells: cells(({ roofline }) => percent(roofline)) },
    ...peers.map(({ name }) => ({
      title: `${name}, ms`,
      cells: cells((figure) => (figure.peers[name] === null ? '–' : digits(figure.peers[name]))),
    })),
    { title: 'best peer ÷ ours', cells: cells(({ ratio }) => (ratio === null ? '–' : `${ratio.toFixed(2)} ×`)) },
    { title: 'asked', cells: cells(verdict), left: true },
    { title: 'tuning', cells: cells(({ tuning }) => tuning), left: true },
  ])
  const notes = [
    rooflineText(roofline),
    ...Object.entries(found.missing).map(([name, why]) => `MISSING: ${name} does not start: ${why}`),
    ...found.failures.map((line) => `FAILED: ${line}`),
    ...found.excluded.map((line) => `excluded: ${line}`),
  ]
  return `${text}\n\n${notes.join('\n')}`
}

const loaders = {
  'onnxruntime-web': async () => (await import('./peers/onnxruntime.ts')).onnxruntime,
  '@tensorflow/tfjs-backend-webgpu': async () => (await import('./peers/tensorflow.ts')).tensorflow,
  '@jax-js/jax': async () => (await import('./peers/jax.ts')).jaxJs,
}

/** A peer that does not start is named in the report and makes the bench fail. */
async function loadPeers(missing: { [name: string]: string }): Promise<Peer[]> {
  const peers: Peer[] = []
  for (const [name, load] of Object.entries(loaders)) {
    const startMs = performance.now()
    try {
      const peer = await (await load())(peerVersions[name])
      peers.push(peer)
      progress(`${peer.name} starts after ${((performance.now() - startMs) / 1e3).toFixed(1)} s`)
    } catch (cause) {
      missing[name] = cause instanceof Error ? cause.message : String(cause)
      progress(`MISSING: ${name} does not start: ${missing[name]}`)
    }
  }
  return peers
}

await runBench(async () => {
  const { filter } = options()
  await installPeers(progress)
  const gpu = browserLikeGpu()
  const device = await requestDevice({ gpu, label: 'peers bench' })
  const found: Findings = { missing: {}, excluded: [], failures: [] }
  const peers = await loadPeers(found.missing)
  const roofline = await measureRoofline(device)
  progress(rooflineText(roofline))

  const ours = new Ours(device)
  const figures: Comparison[] = []
  for (const planned of matching(workloads, filter))
    try {
      figures.push(await compare(planned, ours, peers, roofline, found))
    } catch (cause) {
      found.failures.push(`${planned.name}: ${cause instanceof Error ? cause.message : cause}`)
      progress(`  FAILED ${found.failures.at(-1)}`)
      device.check()
    }
  const { missing, excluded, failures } = found
  publish('peers', provenance(device), report(figures, peers, roofline, found), {
    ...{ rounds, measurementMs, roofline, missing, failures, excluded, figures },
  })
  device.destroy()
  // The peers keep devices and timers open.
  process.exit(Object.keys(missing).length + failures.length > 0 ? 1 : 0)
})
