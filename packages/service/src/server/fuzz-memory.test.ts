/** How much memory a length can make the service take that is not there. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { HostileLengthsReport } from '../../testing/hostile-lengths.ts'

it('a length of 2²⁶ or more takes no memory: 2,000 messages into the parsers, seeds 0 to 1,999, and 90 requests', async () => {
  // In a process of its own: what others of this one took before, and collect meanwhile, would hide it.
  const program = fileURLToPath(new URL('../../testing/hostile-lengths.ts', import.meta.url))
  const args = ['--conditions=@headwater/source', '--import', import.meta.resolve('tsx'), program]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const report: HostileLengthsReport = JSON.parse(stdout)
  expect(report).toMatchObject({ messages: 2_000, refused: 2_000, requests: 90, statuses: [400, 409, 413] })
  // A little less where something else is given back meanwhile, and still more than messages may take.
  expect(report.seenBytes).toBeGreaterThan(0.9 * 2 ** 26)
  expect(report.mostBytes, report.hungriest).toBeLessThan(2 ** 25)
})
