import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const execute = promisify(execFile)
const oneCore = createRequire(import.meta.url).resolve('@headwater/service/one-core')

/** Niceness and slice of threads: the main one, those that came with Node or are the file system's, and a worker's. */
const script = `
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { getPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
const threads = () => readdirSync('/proc/self/task').map(Number)
const slice = (thread) => Number(/se.slice +: +([0-9]+)/.exec(readFileSync('/proc/self/task/' + thread + '/sched', 'utf8'))?.[1])
await readFile('/proc/self/stat')
const before = threads()
const worker = new Worker('setInterval(() => {}, 1_000)', { eval: true })
await new Promise((resolve) => worker.once('online', resolve))
const added = threads().filter((thread) => !before.includes(thread))
console.log(JSON.stringify({
  main: getPriority(),
  others: before.filter((thread) => thread !== process.pid).map((thread) => getPriority(thread)),
  added: added.map((thread) => getPriority(thread)),
  slices: { main: slice(process.pid), other: slice(before.find((thread) => thread !== process.pid)) },
}))
await worker.terminate()`

interface Threads {
  readonly main: number
  readonly others: readonly number[]
  readonly added: readonly number[]
  readonly slices: { readonly main: number; readonly other: number }
}

async function threads(...options: readonly string[]): Promise<Threads> {
  const { stdout } = await execute(process.execPath, [...options, '--input-type=module', '--eval', script])
  return JSON.parse(stdout)
}

test('V8’s threads give way, those of files and workers do not', async () => {
  const plain = await threads()
  expect(new Set([...plain.others, ...plain.added])).toEqual(new Set([plain.main]))

  const { main, others, added, slices } = await threads('--v8-pool-size=3', '--require', oneCore)
  expect(main).toBe(plain.main)
  // Three that compile and collect, and what hands them work.
  expect(others.filter((niceness) => niceness === main + 10).length).toBeGreaterThanOrEqual(4)
  // libuv's pool.
  expect(others.filter((niceness) => niceness === main)).toHaveLength(4)
  expect(added.length).toBeGreaterThanOrEqual(1)
  expect(new Set(added)).toEqual(new Set([main]))
  expect(slices.main).toBeLessThan(slices.other)
})
