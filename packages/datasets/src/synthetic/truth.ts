import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Log } from '../log/log.ts'
import { LogError } from '../log/log-error.ts'
import { rowsOf } from './source.ts'
import { type AnySyntheticWorld, sourceOf, worldOf } from './synthetic-source.ts'

/**
 * The world behind a log that `writeSyntheticLog` wrote, as its folder of the truth has it.
 * @param log opened from the written files; its first rows, and the first of its last day, are compared with the world's
 * @throws LogError where the folder has no world, or that of another log: of another seed or of other parameters
 */
export async function readTruth(folder: string, log: Log): Promise<AnySyntheticWorld> {
  const file = join(folder, 'world.json')
  const options = await readWorld(file)
  const source = sourceOf(options)
  const { days } = source.setting
  const other = (reason: string) =>
    new LogError(reason, 'name the truth that was written with the log, and read the log by its own schema.json', {
      file,
    })
  const rows = days * source.rowsPerDay
  if (log.rows !== rows) throw other(`the world has ${rows} rows, and the log ${log.rows}`)
  for (const from of [log.timeRange.firstMs, source.spanOfDay(days - 1).firstMs]) {
    const generated = rowsOf(source, { from })
    for await (const chunk of log.events({ from })) {
      for (const event of chunk) {
        if (!isDeepStrictEqual(generated.next().value?.event, event))
          throw other(`the world has another row ${event.row}`)
      }
      break
    }
  }
  return worldOf(options)
}

async function readWorld(file: string) {
  const text = await readFile(file, 'utf8').catch((cause) => {
    const remedy = 'name the folder "truth" that headwater generate wrote beside the log'
    throw new LogError('the truth cannot be read', remedy, { file }, { cause })
  })
  try {
    const { seed, setting } = JSON.parse(text)
    if (Number.isInteger(seed) && typeof setting === 'object' && setting !== null) return { seed, setting }
  } catch {
    // Told below.
  }
  throw new LogError('is no world with a seed and a setting', 'write the log again', { file })
}
