/** packages/python against a service. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasPython, runPython, temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { servingDirectory, startServing, trainModel } from '../../testing/serving.ts'

const script = (name: string) => fileURLToPath(new URL(`../../../../python/tests/${name}`, import.meta.url))
const isThere = hasPython('numpy', 'packages/python against a service')

test('the client of packages/python reads, writes, promotes and forgets', async () => {
  if (!isThere) return
  const directory = await servingDirectory(await trainModel(temporaryDirectory()))
  const logs = ['--served-log', 'served', '--event-log', 'events', '--outcome-log', 'outcomes']
  const { child, url } = await startServing(directory, ['--model', 'model', ...logs])
  try {
    const { stdout, stderr, status } = runPython([script('live.py'), url])
    expect([status, stderr, stdout]).toEqual([0, '', 'the service is as the client says\n'])
  } finally {
    child.process.kill('SIGTERM')
    await child.exited
  }
  // What was served, as the log has it once the service has ended.
  const program = `import headwater, sys
log = headwater.served_log(sys.argv[1], model="sum")
ann = log["user"] == "ann"
print(log["vector"].shape[1], log["vector"].dtype, (log["status"][log["user"] == "user-0"]).tolist())
print(ann.sum(), log["served_at"].dtype, (log["served_at"] >= log["feature_time"]).all())`
  const { stdout, stderr } = runPython(['-c', program, join(directory, 'served/default')])
  // Ann was forgotten, and read once more.
  expect([stderr, stdout]).toEqual(['', '16 float32 [2]\n1 datetime64[us] True\n'])
})
