/** packages/python against a service. */
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
})
