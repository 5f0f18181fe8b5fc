/** Kills a training at random moments, over and over, until it comes to its end. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { SeededRandom } from '@headwater/statistics'

const program = fileURLToPath(new URL('training-process.ts', import.meta.url))
const node = ['--conditions=@headwater/source', '--import', import.meta.resolve('tsx'), program]

/** Steps of the whole training, and how long after a step a kill may come: writes and publications lie between steps. */
const wholeSteps = 53
const longestDelayMs = 60

interface Ending {
  /** Steps that the process made. */
  readonly steps: number
  readonly output: string
  /** Null where it was killed. */
  readonly digest: string | null
}

/** @param killAtStep of the process' own steps; null: it may go on to its end. @throws Error where it fails by itself */
async function runTraining(
  directory: string,
  preset: string,
  killAtStep: number | null,
  delayMs: number,
): Promise<Ending> {
  const child = spawn(process.execPath, [...node, directory, preset], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  let timer: NodeJS.Timeout | null = null
  const stepsOf = () => output.match(/^step /gm)?.length ?? 0
  child.stdout.on('data', (text) => {
    output += text
    if (killAtStep !== null && timer === null && stepsOf() >= killAtStep)
      timer = setTimeout(() => child.kill('SIGKILL'), delayMs)
  })
  child.stderr.on('data', (text) => {
    errors += text
  })
  const [code, signal] = await once(child, 'close')
  if (timer) clearTimeout(timer)
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`The training ended with code ${code}.\n${output}\n${errors}`)
  const digest = /^digest (\w+)$/m.exec(output)?.[1] ?? null
  if (digest === null && signal !== 'SIGKILL') throw new Error(`The training gave no digest.\n${output}\n${errors}`)
  return { steps: stepsOf(), output, digest }
}

/** The digest of a training that nothing disturbs, in an empty directory. */
export async function unbrokenDigest(directory: string, preset = 'tiny'): Promise<string> {
  return (await runTraining(directory, preset, null, 0)).digest!
}

/** @returns digest of the training in an empty directory that was killed `kills` times, and the steps of each process */
export async function crashRound(
  directory: string,
  random: SeededRandom,
  kills: number,
  preset = 'tiny',
): Promise<{ digest: string; steps: number[]; warnings: string[] }> {
  const steps: number[] = []
  const warnings: string[] = []
  for (let kill = 0; ; kill++) {
    const at = kill < kills ? 1 + random.nextBelow(Math.ceil(wholeSteps / kills)) : null
    const ending = await runTraining(directory, preset, at, random.nextBelow(longestDelayMs))
    steps.push(ending.steps)
    warnings.push(...(ending.output.match(/^warning .*$/gm) ?? []))
    // A delay may let it reach its end: nothing is left to kill then.
    if (ending.digest !== null) return { digest: ending.digest, steps, warnings }
  }
}
