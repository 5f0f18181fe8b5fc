/** Each long command under npx, as users start it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { clicks, writeClickLog } from '../testing/click-log.ts'
import { servingDirectory, trainModel } from '../testing/serving.ts'

const checkout = fileURLToPath(new URL('../../../../', import.meta.url))

/** Processes whose command line names a directory. */
function processesIn(directory: string): number[] {
  const names = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory)
    } catch {
      return false
    }
  }
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && names(pid))
    .map(Number)
}

/** Starts a command by npx. `launcher` stands before npx. */
function startByNpx(args: readonly string[], launcher: readonly string[] = []) {
  const [program, ...rest] = [...launcher, 'npx', '--no-install', 'headwater', ...args]
  // What nohup leaves where a terminal was can only be written.
  const input = openSync('/dev/null', program === 'nohup' ? 'w' : 'r')
  const child = spawn(program, rest, { cwd: checkout, stdio: [input, 'pipe', 'pipe'] })
  closeSync(input)
  const seen = { text: '' }
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (text) => {
      seen.text += text
    })
  return { child, seen }
}

describe.runIf(process.platform === 'linux')('under npx', () => {
  let model: string
  beforeAll(async () => {
    model = await servingDirectory(await trainModel(temporaryDirectory()))
  }, 120_000)

  /** Arguments in a directory of the test's own, and what the command prints once it works. */
  const commands: [name: string, args: (directory: string) => string[], works: RegExp][] = [
    ['serve', (at) => ['--model', join(model, 'model'), '--store', `lmdb:${at}/store`, '--port', '0'], /Serving/],
    ['train', (at) => [...logIn(at), '--out', join(at, 'model'), '--every', '1h'], /upstream|train|compiling/],
    ['run', (at) => [...logIn(at), '--out', join(at, 'out')], /upstream|train|compiling/],
    ['evaluate', (at) => ['serving', ...logIn(at), '--out', join(at, 'out')], /upstream|train|compiling/],
  ]
  const logIn = (at: string) => ['--data', join(at, 'clicks.csv'), '--schema', join(at, 'schema.json')]

  test.each(commands)('%s ends when npx is told to, or killed', async (name, args, works) => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const directory = temporaryDirectory()
      writeClickLog(directory, clicks(20_000))
      const { child, seen } = startByNpx([name, ...args(directory)])
      await vi.waitFor(() => expect(seen.text).toMatch(works), { timeout: 90_000, interval: 50 })
      child.kill(signal)
      await once(child, 'exit')
      await vi.waitFor(() => expect(processesIn(directory)).toEqual([]), { timeout: 30_000 })
      if (name !== 'serve') expect(seen.text).toContain('stopped by SIGTERM')
    }
  })

  const detached = commands.flatMap(([name, args, works]) =>
    (['setsid', 'nohup'] as const).map((by) => [name, by, args, works] as const),
  )
  test.each(detached)('%s, detached by %s, outlives npx', async (name, by, args, works) => {
    const directory = temporaryDirectory()
    writeClickLog(directory, clicks(20_000))
    const { child, seen } = startByNpx([name, ...args(directory)], [by])
    await vi.waitFor(() => expect(seen.text).toMatch(works), { timeout: 90_000, interval: 50 })
    child.kill('SIGTERM')
    await once(child, 'exit')
    // Longer than it looks for its launcher.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(processesIn(directory)).not.toEqual([])
    expect(seen.text).not.toContain('stopped by')
    const [, url] = /on (http:\S+),/.exec(seen.text) ?? []
    if (name === 'serve') expect((await fetch(`${url}/readyz`)).status).toBe(200)
    for (const pid of processesIn(directory)) process.kill(pid, 'SIGTERM')
    await vi.waitFor(() => expect(processesIn(directory)).toEqual([]), { timeout: 30_000 })
  })
})
