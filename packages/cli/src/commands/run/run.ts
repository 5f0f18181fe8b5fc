import { join } from 'node:path'
import type { Command } from '@commander-js/extra-typings'
import type { Log } from '@headwater/datasets'
import { roundLength } from '../../arguments/duration.ts'
import { logOptions, logSource, logWords, openedLog } from '../../arguments/log-options.ts'
import { wholeNumber } from '../../arguments/numbers.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import { openOutputDirectory, outputFile, writeOutputFiles } from '../../files/output.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { provenance } from '../../provenance/provenance.ts'
import { nextStep } from '../../terminal/next-step.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { stoppable } from '../../terminal/stoppable.ts'

const declare = (program: Command) =>
  logOptions(program.command('run'), 'movietweetings')
    .description('train on a log, serve it as live traffic, and measure what the served embeddings are worth')
    .option('--out <dir>', 'keep predictions, snapshots, store and served log there')
    .option('--seed <n>', 'first seed', wholeNumber(0, 1e9), 1)
    .option('--seeds <n>', 'seeds to run and to average over', wholeNumber(1, 100), 1)
    .option('--report <file>', 'where the HTML report goes', 'report.html')
    .option('--json <file>', 'also write the figures as JSON')

export const registerRun = (program: Command) => declare(program).action(run)

type RunOptions = OptionsOf<typeof declare>

async function run(options: RunOptions): Promise<void> {
  const about = provenance()
  const report = outputFile('--report', options.report)
  const json = jsonFile(options)
  const [{ requestDevice }, { runMainJob, renderReport, renderTable }] = await Promise.all([
    import('@headwater/gpu'),
    import('@headwater/evaluation'),
  ])
  await stoppable(
    'whole snapshots under --out are kept, nothing else was written',
    async ({ stages, signal, atEnd }) => {
      const directory = openOutputDirectory(options.out)
      atEnd(() => directory.release())
      const device = await requestDevice()
      device.onCompile = (number, total) => stages.compiling(number, total)
      atEnd(() => device.destroy())
      const { settings, source } = await logSource(options)
      const log = await openedLog({ ...settings, signal }, stages)
      atEnd(() => log.close())
      const result = await runMainJob({
        device,
        log,
        source,
        directory: directory.path,
        seeds: Array.from({ length: options.seeds }, (_, i) => options.seed + i),
        stages,
        signal,
        about,
      })
      writeOutputFiles(new Map([[report, renderReport(result)]]))
      const kept = options.out === undefined ? '' : `Predictions, snapshots, store and served log: ${directory.path}\n`
      const next = nextStep(nextCommand(options, log))
      await printResult(`${renderTable(result)}Report: ${report}\n${kept}${next}`, json, result)
    },
  )
}

/** What was kept can be served at once; else a model is trained to be. */
function nextCommand({ out, seed, ...log }: RunOptions, { timeRange }: Log): string {
  if (out === undefined) {
    const every = roundLength(timeRange.lastMs - timeRange.firstMs)
    return `npx headwater train ${logWords(log)} --every ${every} --out model`
  }
  const directory = join(out, `seed-${seed}`)
  const store = shellWord(`lmdb:${join(directory, 'store')}`)
  return `npx headwater serve --model ${shellWord(join(directory, 'snapshots'))} --store ${store}`
}
