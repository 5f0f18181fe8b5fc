/**
 * Seconds of processor time, user and system, from the start of a process to the first training step of the small tower:
 * with an empty driver cache, with the cache off, and with the cache that the first left; and those of each pipeline.
 * Processor time is hardly longer where other programs run beside it, the clock is.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { requestDevice } from '@headwater/gpu'
import { digits, progress, provenance, publish, runBench, table } from './report.ts'

/** One process. */
interface ColdRun {
  /** Of the processor until a device is asked for: modules, and the log's schema. */
  readonly startSeconds: number
  /** Of the processor until the first step is done. */
  readonly processorSeconds: number
  /** By the clock. */
  readonly wallSeconds: number
}

export interface PipelineFigure {
  readonly kernel: string
  readonly tuning: string
  /** Of a step that use it. */
  readonly dispatches: number
  readonly processorSeconds: number
}

/** What this bench writes. */
export interface ColdFigures {
  readonly empty: ColdRun
  readonly off: ColdRun
  readonly warm: ColdRun
  readonly pipelines: readonly PipelineFigure[]
}

/** Asked of a start with an empty cache; by the clock on two cores that do nothing else. */
const bounds = { processorSeconds: 15, wallSeconds: 10 }

async function run(
  cache: string,
  isOff: boolean,
  ...args: string[]
): Promise<ColdRun & Pick<ColdFigures, 'pipelines'>> {
  // Mesa's and NVIDIA's caches on disk.
  const env = {
    ...process.env,
    MESA_SHADER_CACHE_DIR: cache,
    __GL_SHADER_DISK_CACHE_PATH: cache,
    CUDA_CACHE_PATH: cache,
    ...(isOff && { MESA_SHADER_CACHE_DISABLE: 'true', __GL_SHADER_DISK_CACHE: '0', CUDA_CACHE_DISABLE: '1' }),
  }
  const program = join(import.meta.dirname, 'cold-process.ts')
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@headwater/source', '--import', 'tsx', program, ...args],
    { cwd: import.meta.dirname, env },
  )
  return JSON.parse(stdout.trim().split('\n').at(-1)!)
}

function report({ empty, off, warm, pipelines }: ColdFigures): string {
  const told = (name: string, { processorSeconds, startSeconds, wallSeconds }: ColdRun) =>
    `${name}: ${digits(processorSeconds)} s of processor time, ${digits(startSeconds)} of them before a device is asked ` +
    `for; ${digits(wallSeconds)} s by the clock`
  const judged = (name: keyof typeof bounds) =>
    `at most ${bounds[name]}: ${empty[name] <= bounds[name] ? 'holds' : 'MISSED'}`
  return `${table([
    { title: 'pipeline', cells: pipelines.map(({ kernel, tuning }) => `${kernel}/${tuning}`) },
    { title: 'dispatches', cells: pipelines.map(({ dispatches }) => String(dispatches)) },
    { title: 's', cells: pipelines.map(({ processorSeconds }) => digits(processorSeconds)) },
  ])}

${told('empty cache', empty)} (processor time ${judged('processorSeconds')}, clock ${judged('wallSeconds')})
${told('cache off', off)}
${told('cached', warm)}`
}

await runBench(async () => {
  const device = await requestDevice({ label: 'cold bench' })
  const about = provenance(device)
  device.destroy()
  const cache = await mkdtemp(join(tmpdir(), 'headwater-cold-'))
  try {
    progress('each pipeline alone …')
    const { pipelines } = await run(cache, true, 'pipelines')
    progress('whole, three times …')
    const runs = { off: await run(cache, true), empty: await run(cache, false), warm: await run(cache, false) }
    const whole = Object.fromEntries(Object.entries(runs).map(([name, { pipelines: _, ...of }]) => [name, of]))
    const slowestFirst = pipelines.toSorted((a, b) => b.processorSeconds - a.processorSeconds)
    const figures = { ...whole, pipelines: slowestFirst } as unknown as ColdFigures
    publish('cold', about, report(figures), figures)
  } finally {
    await rm(cache, { recursive: true, force: true })
  }
})
