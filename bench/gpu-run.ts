/**
 * What only a machine with a GPU can show, in nine minutes: run by `./run` of the folder that gpu-bundle.ts makes. Each part is a
 * process with a share of the time, so that a driver that hangs or crashes costs its own part alone.
 *
 * `--json FILE` (default: headwater-gpu.json here); the parts' own files are in a folder beside it.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { requestDevice } from '@headwater/gpu'
import { digits, percent, progress, provenance, publish, resultPath, runBench, table } from './report.ts'
import { measureRoofline, rooflineText } from './roofline.ts'

const totalSeconds = 525

interface Part {
  readonly name: string
  /** Program and arguments, against this folder. */
  readonly program: readonly string[]
  /** It is ended after so many. */
  readonly seconds: number
  /** Its result in a line. */
  headline(figures: Figures): string
}

// Each bench has figures of its own form; a headline reads a few of them.
// biome-ignore lint/suspicious/noExplicitAny: JSON of another process
type Figures = any

const tuned = (name: string): Part => ({
  name: `tuning of ${name}`,
  program: ['tune.ts', '--filter', name],
  seconds: 60,
  headline: ({ choices, changed }) => `${choices.length} choices, ${changed.length} changed`,
})

/** The kernels' figures of the tuning that the library chooses. */
const timed = (name: string): Part => ({
  name: `kernels ${name}`,
  program: ['kernels.ts', '--filter', name],
  seconds: 60,
  headline: ({ figures }) => {
    const chosen: { gflops: number; roofline: number }[] = figures.filter(({ chosen }: { chosen: boolean }) => chosen)
    const fastest = chosen.reduce((a, b) => (b.gflops > a.gflops ? b : a))
    return `up to ${digits(fastest.gflops)} GFLOP/s, ${percent(fastest.roofline)} of the roofline`
  },
})

const step = (preset: string): Part => ({
  name: `training step of ${preset}`,
  program: ['training.ts', '--filter', `step-${preset}`],
  seconds: 60,
  headline: ({ sections }) => {
    const { rows, stepMs } = sections[`step-${preset}`]
    return `${digits(stepMs.median)} ms for ${rows} rows, ${digits(rows / stepMs.median)} k rows/s`
  },
})

const parts: readonly Part[] = [
  {
    name: 'agreement with float64',
    program: ['agreement.ts'],
    seconds: 150,
    headline: ({ cases, failures }) => `${cases - failures.length} of ${cases} cases`,
  },
  tuned('matmul'),
  tuned('attention'),
  tuned('embedding'),
  timed('matmul'),
  timed('attention'),
  step('small'),
  step('base'),
  {
    name: 'encoding',
    program: ['training.ts', '--filter', 'encode-alone'],
    seconds: 40,
    headline: ({ sections }) =>
      sections['encode-alone']
        .map(
          ({ preset, rows, ours }: { preset: string; rows: number; ours: { median: number } }) =>
            `${preset} × ${rows} ${digits(ours.median)} ms`,
        )
        .join(', '),
  },
  {
    name: 'cold start',
    program: ['cold.ts'],
    seconds: 60,
    headline: ({ empty }) => `${digits(empty.wallSeconds)} s by the clock with an empty driver cache`,
  },
  {
    name: 'main job',
    program: ['../packages/cli/src/main.ts', 'run', '--out', 'main-job'],
    seconds: 180,
    headline: ({ ne, seconds }) =>
      `NE ${ne.with.toFixed(4)} with, ${ne.without.toFixed(4)} without; training ${digits(seconds.train)} s`,
  },
]

interface Outcome {
  readonly part: string
  readonly state: 'done' | 'failed' | 'ended at its limit' | 'no time left'
  readonly seconds: number
  readonly headline: string
  /** What it wrote; null where it did not get so far. */
  readonly figures: object | null
  /** End of what it printed, where it is not done. */
  readonly said?: string
}

const saidBytes = 2_000

async function runPart({ name: part, program, seconds: most, headline }: Part, into: string, leftSeconds: number) {
  const json = join(into, `${part.replaceAll(' ', '-')}.json`)
  const seconds = Math.min(most, leftSeconds)
  if (seconds < 5) return { part, state: 'no time left', seconds: 0, headline: '', figures: null } satisfies Outcome
  progress(`\n${part}, at most ${seconds.toFixed(0)} s …`)
  const startMs = performance.now()
  const [file, ...given] = program
  const loader = ['--conditions=@headwater/source', '--import', 'tsx']
  const child = spawn(process.execPath, [...loader, join(import.meta.dirname, file), ...given, '--json', json], {
    cwd: import.meta.dirname,
    env: { ...process.env, INIT_CWD: into },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const hear = (piece: Buffer) => {
    process.stdout.write(piece)
    said = (said + piece).slice(-saidBytes)
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  let isLate = false
  const end = setTimeout(() => {
    isLate = true
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), 5_000).unref()
  }, seconds * 1_000)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearTimeout(end)
  const taken = { part, seconds: (performance.now() - startMs) / 1_000 }
  const figures = code === null || isLate ? null : written(json)
  const state = isLate ? 'ended at its limit' : code === 0 ? 'done' : 'failed'
  const line = figures === null ? '' : headline(figures)
  return { ...taken, state, headline: line, figures, ...(state !== 'done' && { said }) } satisfies Outcome
}

function written(json: string): Figures | null {
  try {
    return JSON.parse(readFileSync(json, 'utf8'))
  } catch {
    return null
  }
}

await runBench(async () => {
  const { values } = parseArgs({ options: { json: { type: 'string', default: 'headwater-gpu.json' } } })
  const json = resultPath(values.json)
  const into = `${json.replace(/\.json$/, '')}-parts`
  // Of a run before: the main job starts in an empty folder.
  rmSync(into, { recursive: true, force: true })
  mkdirSync(into, { recursive: true })
  const startMs = performance.now()
  const device = await requestDevice({ label: 'gpu run' })
  const about = provenance(device)
  progress(`${about.adapter}, ${about.driver}`)
  const roofline = await measureRoofline(device)
  progress(rooflineText(roofline))
  const { report } = device
  device.destroy()
  const outcomes: Outcome[] = []
  for (const part of parts)
    outcomes.push(await runPart(part, into, totalSeconds - (performance.now() - startMs) / 1_000))
  const text = `${table([
    { title: 'part', cells: outcomes.map(({ part }) => part) },
    { title: 'state', cells: outcomes.map(({ state }) => state), left: true },
    { title: 's', cells: outcomes.map(({ seconds }) => seconds.toFixed(0)) },
    { title: 'figures', cells: outcomes.map(({ headline }) => headline), left: true },
  ])}\n\n${rooflineText(roofline)}`
  publish('gpu', about, text, { report, roofline, parts: outcomes }, json)
  progress(`\nSend ${json}.`)
  if (outcomes.some(({ state }) => state === 'failed')) process.exitCode = 1
})
