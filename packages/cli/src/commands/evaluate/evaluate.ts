import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from '@commander-js/extra-typings'
import type { Experiment, LabLog } from '@headwater/evaluation'
import { CommandError } from '../../arguments/command-error.ts'
import { logOptions, logSource, sayWarnings } from '../../arguments/log-options.ts'
import { wholeNumber } from '../../arguments/numbers.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import { openKeptDirectory, writeOutputFiles } from '../../files/output.ts'
import { userPath } from '../../files/paths.ts'
import { jsonFile, jsonText, printResult } from '../../files/result.ts'
import { provenance } from '../../provenance/provenance.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { stoppable } from '../../terminal/stoppable.ts'
import { recordFinal } from './finals.ts'

const fullSeeds = 3
/** An arm keeps little more than one core busy: its kernels wait for its replay, which has one thread. */
const softwareProcesses = Math.min(2, availableParallelism())

const declare = (program: Command) =>
  logOptions(program.command('evaluate'), 'synthetic-reference')
    .argument('[experiments...]')
    .description(
      'run experiments on a log: main-job, gain, alternatives, serving, freshness, drift, item-vectors, sharing, ablation, log-size, power; without a name all that it can have',
    )
    .addOption(
      new Option(
        '--window <rows>',
        'scored: tune, rows 72–90 % of a log that is cut there; final, the last tenth',
      ).choices(['tune', 'final']),
    )
    .option('--truth <dir>', 'of a log that headwater generate wrote: the folder with its truth')
    .option(
      '--imported <model>',
      "directory of snapshots that were imported, which are held against the lab's own tower",
      userPath,
    )
    .option('--quick', 'a tenth of the rows, one seed, no verdict')
    .option('--seed <n>', 'first seed, which makes a synthetic log too', wholeNumber(0, 1e9), 1)
    .option('--seeds <n>', `training seeds; ${fullSeeds} by default`, wholeNumber(1, 100))
    .option(
      '--processes <n>',
      `that share the arms; by default ${softwareProcesses} where the adapter is software, else 1`,
      wholeNumber(1, 64),
    )
    .option('--out <dir>', 'reports, and all arms: what is there is not run again', 'headwater-out/evaluate')
    .option('--json <file>', 'also write the figures as JSON')

type EvaluateOptions = OptionsOf<typeof declare>

/** Adds `headwater evaluate`: experiments that measure what user embeddings gain. */
export const registerEvaluate = (program: Command) => declare(program).action(evaluate)

async function evaluate(names: readonly string[], options: EvaluateOptions): Promise<void> {
  const about = provenance()
  const { quick = false, seed } = options
  if (quick && (options.seeds ?? 1) > 1) throw new CommandError('--quick has one seed; leave out --seeds, or --quick.')
  const json = jsonFile(options)
  const [lab, { requestDevice }] = await Promise.all([import('@headwater/evaluation'), import('@headwater/gpu')])
  const { imported } = options
  const isAll = names.length === 0 && imported === undefined
  const asked = lab.experimentsNamed(isAll ? lab.experiments.map(({ name }) => name) : names)
  const { path: out } = openKeptDirectory(options.out)
  const left = `arms that were done are kept in ${out}, and the same command goes on from there`
  await stoppable(left, async ({ stages, signal, atEnd }) => {
    const { settings, source: named } = await logSource(options)
    const truth = options.truth === undefined ? undefined : userPath(options.truth)
    const source = { ...settings, source: named, quick, window: options.window, truth }
    const log = await lab.openLabLog({ ...source, stages, signal })
    atEnd(() => log.log.close())
    sayWarnings(log.log)
    const listed = isAll ? thoseOf(log, asked, lab.checkExperiments) : asked
    const experiments = imported === undefined ? listed : [...listed, await lab.importedExperiment(imported, log)]
    lab.checkExperiments(log, experiments)
    const device = await requestDevice()
    device.onCompile = (number, total) => stages.compiling(number, total)
    atEnd(() => device.destroy())
    const { processes = device.adapter.software ? softwareProcesses : 1 } = options
    const result = await lab.runExperiments({
      device,
      lab: log,
      experiments,
      seeds: Array.from({ length: quick ? 1 : (options.seeds ?? fullSeeds) }, (_, i) => seed + i),
      quick,
      window: options.window,
      directory: join(out, 'work'),
      stages,
      signal,
      // Processes beside this one know experiments by their names alone.
      beside: { log: source, processes: imported === undefined ? processes - 1 : 0 },
      onBeside: (title, seconds) => process.stderr.write(`${title} done beside in ${seconds.toFixed(1)} s\n`),
      onEstimate: ({ arms, upstreams, seconds }) => {
        const time = seconds === null ? '' : `, about ${Math.max(1, Math.round(seconds / 60))} min by a pilot`
        const work = arms === 0 ? 'nothing' : `${arms} arms and ${upstreams} upstreams${time}`
        process.stderr.write(
          `To run: ${work}. What is done is kept in ${out}, and a run that is stopped goes on there.\n`,
        )
      },
      commandOf: (experiment) => commandOf(experiment, options),
      about,
    })
    const report = join(out, 'report.html')
    writeOutputFiles(
      new Map([
        [report, lab.renderEvaluationHtml(result)],
        [join(out, 'report.md'), lab.renderEvaluationMarkdown(result)],
        [join(out, 'report.json'), jsonText(result)],
      ]),
    )
    const kept = recordFinal(options, result)
    await printResult(`${lab.renderEvaluationText(result)}Report: ${report}\n${kept}`, json, result)
  })
}

/** The experiments that the log has the data for; for the others the reason is printed. @throws the first reason where none is left */
function thoseOf(
  log: LabLog,
  experiments: readonly Experiment[],
  check: (log: LabLog, experiments: readonly Experiment[]) => void,
): Experiment[] {
  const reasons: unknown[] = []
  const fit = experiments.filter((experiment) => {
    try {
      check(log, [experiment])
      return true
    } catch (error) {
      reasons.push(error)
      process.stderr.write(`Left out: ${(error as Error).message}\n`)
      return false
    }
  })
  if (fit.length === 0) throw reasons[0]
  return fit
}

function commandOf(
  experiment: string,
  { data, schema, join, truth, window, quick, seed, seeds, maxBadRows, imported }: EvaluateOptions,
): string {
  const what = experiment === 'imported' ? ['--imported', shellWord(imported!)] : [experiment]
  const words = ['npx headwater evaluate', ...what, '--data', shellWord(data)]
  if (schema !== undefined) words.push('--schema', shellWord(schema))
  for (const file of join) words.push('--join', shellWord(file))
  if (truth !== undefined) words.push('--truth', shellWord(truth))
  if (maxBadRows > 0) words.push('--max-bad-rows', String(maxBadRows))
  if (window !== undefined) words.push('--window', window)
  if (quick) words.push('--quick')
  if (seed !== 1) words.push('--seed', String(seed))
  if (seeds !== undefined) words.push('--seeds', String(seeds))
  return words.join(' ')
}
