/** The synthetic log of ten million rows, streamed or, given a folder, written: tells its rows and the most resident memory. */
import { largeSetting, openSyntheticLog, writeSyntheticLog } from '../index.ts'

const [folder] = process.argv.slice(2)
const options = { seed: 1, setting: largeSetting }
const rows = folder === undefined ? await streamed() : (await writeSyntheticLog(folder, options)).rows
process.stdout.write(JSON.stringify({ rows, residentMiB: process.resourceUsage().maxRSS / 1024 }))

async function streamed(): Promise<number> {
  let count = 0
  for await (const chunk of openSyntheticLog(options).events()) count += chunk.length
  return count
}
