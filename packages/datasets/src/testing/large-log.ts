/**
 * The synthetic log of ten million rows, streamed or, given a folder, written, or with `--open` read from one: tells its rows
 * and the most resident memory.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Log, largeSetting, openLog, openSyntheticLog, writeSyntheticLog } from '../index.ts'

const { values, positionals } = parseArgs({ options: { open: { type: 'boolean' } }, allowPositionals: true })
const [folder] = positionals
const options = { seed: 1, setting: largeSetting }
const rows = await rowsOf()
process.stdout.write(JSON.stringify({ rows, residentMiB: process.resourceUsage().maxRSS / 1024 }))

async function rowsOf(): Promise<number> {
  if (folder === undefined) return inOrder(openSyntheticLog(options))
  if (!values.open) return (await writeSyntheticLog(folder, options)).rows
  const log = await openLog({ data: join(folder, 'log', '*.parquet'), schema: join(folder, 'schema.json') })
  try {
    return await inOrder(log)
  } finally {
    await log.close()
  }
}

async function inOrder(log: Log): Promise<number> {
  let count = 0
  let lastMs = Number.NEGATIVE_INFINITY
  for await (const chunk of log.events()) {
    for (const { row, timeMs } of chunk) {
      if (row !== count++ || timeMs < lastMs) throw new Error(`row ${row} is out of order`)
      lastMs = timeMs
    }
  }
  return count
}
