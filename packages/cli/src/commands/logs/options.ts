/** The options of `headwater logs export`. */
import type { Command } from '@commander-js/extra-typings'
import { momentMs } from '../../arguments/moment.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import { partOptions } from '../../parts/part-options.ts'

export const declareExport = (logs: Command) =>
  partOptions(logs.command('export').option('--json <file>', 'also write it as JSON'))
    .description('write what was served of a model as Parquet or .npz; stopped and run again, it goes on')
    .argument('<log>', "directory of a tenant's served log")
    .argument('<dir>', 'for the files; new, or that of an export that was stopped')
    .option('--from <time>', 'only what was served at this time or later', momentMs)
    .option('--to <time>', 'only what was served before', momentMs)
    .option('--as-of <file>', 'CSV or JSON lines with `user` and `time`: for each row what was served last by then')
    .addHelpText('after', example)

export type LogsExportOptions = OptionsOf<typeof declareExport>

const example = `
Example:
  $ headwater logs export served/default rows --model sum --as-of rows.csv
  95 rows of frame 1 in 1 file
  left out: 5 rows of which nothing was served by then
`
