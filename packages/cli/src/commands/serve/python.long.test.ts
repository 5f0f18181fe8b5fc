/** packages/python against a service. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasPython, runPython, temporaryDirectory } from '@headwater/testkit'
import { beforeAll, expect, test } from 'vitest'
import { worker } from '../../testing/child.ts'
import { servingDirectory, startServing, trainModel } from '../../testing/serving.ts'

const script = (name: string) => fileURLToPath(new URL(`../../../../python/tests/${name}`, import.meta.url))
const isThere = hasPython('numpy', 'packages/python against a service')
const withTorch = hasPython('torch', 'a served log as a dataset of torch')
let trained: string
beforeAll(async () => {
  trained = await trainModel(temporaryDirectory())
})

test('the client of packages/python reads, writes, promotes and forgets', async () => {
  if (!isThere) return
  const directory = await servingDirectory(trained)
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
  if (!withTorch) return
  const dataset = `import headwater, sys, numpy as np
from headwater.torch import RowDataset
from torch.utils.data import DataLoader
served = headwater.served_log(sys.argv[1], model="sum")
served["label"] = np.arange(len(served["user"])) % 2
batches = list(DataLoader(RowDataset(served), batch_size=1000))
whole = {name: np.concatenate([batch[name] for batch in batches]) for name in ("user", "vector", "snapshot", "served_at", "label")}
print(len(batches), batches[0]["vector"].dtype, batches[0]["served_at"].dtype, batches[-1]["request"][-1] == (served["request"][-1] or ""))
print(all(np.array_equal(whole[name], served[name]) for name in ("user", "vector", "snapshot", "label")), (whole["served_at"] == served["served_at"].astype(int)).all())
try:
    RowDataset({"a": np.zeros(2), "b": np.zeros(3)})
except ValueError as error:
    print(error)`
  const rows = runPython(['-c', dataset, join(directory, 'served/default')])
  expect(rows.stderr).toBe('')
  expect(rows.stdout).toMatch(/^\d torch\.float32 torch\.int64 True\nTrue True\narrays have several lengths, .*\n$/)
})

test('it is told by classes of errors who it may not be, how long to wait, and that a service is held or away', async () => {
  if (!isThere) return
  const directory = await servingDirectory(trained)
  const tokens = [
    { name: 'ranker', scopes: ['read'] },
    { name: 'writer', scopes: ['write'] },
  ].map((token) => ({ ...token, tenant: 'default', sha256: createHash('sha256').update(token.name).digest('hex') }))
  writeFileSync(join(directory, 'tokens.json'), JSON.stringify({ tokens }))
  const limits = ['--tokens', 'tokens.json', '--requests-per-second', '2', '--burst', '2']
  const { child, url } = await startServing(directory, ['--model', 'model', ...limits], worker)
  try {
    const { stdout, stderr, status } = runPython([script('trouble.py'), url, String(child.process.pid)])
    expect([status, stderr, stdout]).toEqual([0, '', 'each trouble has its error\n'])
    expect(await child.exited).toBe(0)
  } finally {
    child.process.kill('SIGKILL')
  }
})
