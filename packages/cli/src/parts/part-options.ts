/** Options of commands that export. */
import { type Command, Option } from '@commander-js/extra-typings'
import { InvalidArgumentError } from 'commander'
import { wholeNumber } from '../arguments/numbers.ts'

/** @param command that has `--json` */
export const partOptions = (command: Command<[], { json?: string }>) =>
  command
    .requiredOption('--model <name>', 'whose vectors')
    .option('--frame <n>', 'alignment frame, or all of them; default: the newest', frameArgument)
    .addOption(new Option('--format <format>', 'of the files').choices(['parquet', 'npz']).default('parquet'))
    .addOption(
      new Option('--vector-type <type>', 'in Parquet, float16 is bytes of a fixed size and float32 a list')
        .choices(['float16', 'float32'])
        .default('float16'),
    )
    .option('--part-rows <n>', 'rows of a file, at most', wholeNumber(1, 2 ** 24), 65_536)

function frameArgument(text: string): number | 'all' {
  if (text === 'all') return text
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('Give the number of a frame, or all.')
  return Number(text)
}
