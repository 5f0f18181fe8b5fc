import { basename, join } from 'node:path'
import type { Command } from '@commander-js/extra-typings'
import { CommandError } from '../../arguments/command-error.ts'
import { wholeNumber } from '../../arguments/numbers.ts'
import { userPath } from '../../files/paths.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { count } from '../../terminal/format.ts'
import { nextStep } from '../../terminal/next-step.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { stoppable } from '../../terminal/stoppable.ts'

/** Adds `headwater generate`: a synthetic log with its truth, as files. */
export function registerGenerate(program: Command): void {
  program
    .command('generate')
    .description('write a synthetic log as Parquet, a file a day, and the truth behind it in a folder of its own')
    .argument('<dir>', 'a new or an empty folder')
    .option('--data <name>', 'which one', 'synthetic-reference')
    .option('--seed <n>', 'of all that is drawn', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--json <file>', 'also write what is printed as JSON')
    .action(async (directory, options) => {
      const json = jsonFile(options)
      const { openSyntheticLog, syntheticSettings, writeSyntheticLog } = await import('@headwater/datasets')
      const setting = syntheticSettings.get(options.data)
      if (setting === undefined)
        throw new CommandError(
          `--data: no synthetic log is named "${options.data}"; there are ${[...syntheticSettings.keys()].join(', ')}.`,
        )
      const { seed } = options
      const folder = userPath(directory)
      const written = await stoppable('nothing is written', async ({ stages, signal }) => {
        stages.begin('days', openSyntheticLog({ seed, setting }).rows)
        const log = await writeSyntheticLog(folder, {
          seed,
          setting,
          signal,
          onProgress: (rows) => stages.advance(rows),
        })
        stages.end()
        return log
      })
      const text = [
        `rows    ${count(written.rows)}`,
        `log     ${written.data}`,
        `schema  ${written.schema}`,
        `truth   ${written.truth}: no model may see it`,
      ]
      const next = nextStep(
        `npx headwater run --data ${shellWord(join(directory, 'log', '*.parquet'))} --schema ${shellWord(join(directory, 'schema.json'))}`,
      )
      await printResult(`${text.join('\n')}\nWritten: ${folder}\n${next}`, json, {
        name: basename(folder),
        seed,
        ...written,
      })
    })
}
