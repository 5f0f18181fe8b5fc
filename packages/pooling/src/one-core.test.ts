import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const execute = promisify(execFile)
const oneCore = createRequire(import.meta.url).resolve('@headwater/pooling/one-core')

async function run(script: string, ...options: readonly string[]) {
  const { stdout } = await execute(process.execPath, [...options, '--input-type=module', '--eval', script])
  return JSON.parse(stdout)
}

/** The kernel's numbers of policies (sched.h). */
const [normal, idle] = [0, 5]

/** Policies of the threads by age: the main one, those that came with Node, the file system's, and last a worker's. */
const policies = `
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
const threads = () => readdirSync('/proc/self/task')
const policy = (thread) => Number(readFileSync('/proc/self/task/' + thread + '/stat', 'utf8').split(') ').at(-1).split(' ')[38])
await readFile('/proc/self/stat')
const before = threads()
const worker = new Worker('setInterval(() => {}, 1_000)', { eval: true })
await new Promise((resolve) => worker.once('online', resolve))
const added = threads().filter((thread) => !before.includes(thread))
console.log(JSON.stringify({
  main: policy(process.pid),
  others: before.filter((thread) => thread !== String(process.pid)).map(policy),
  added: added.map(policy),
}))
await worker.terminate()`

test('V8’s threads give way, those of files and workers do not', async () => {
  const plain = await run(policies)
  expect(new Set([plain.main, ...plain.others, ...plain.added])).toEqual(new Set([normal]))

  const { main, others, added } = await run(policies, '--v8-pool-size=3', '--require', oneCore)
  expect(main).toBe(normal)
  // Three that compile and collect, and what hands them work.
  expect(others.filter((policy: number) => policy === idle).length).toBeGreaterThanOrEqual(4)
  // libuv's pool.
  expect(others.filter((policy: number) => policy === normal)).toHaveLength(4)
  expect(added.length).toBeGreaterThanOrEqual(1)
  expect(new Set(added)).toEqual(new Set([normal]))
})
