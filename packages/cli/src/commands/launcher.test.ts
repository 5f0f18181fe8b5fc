import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, test, vi } from 'vitest'

const bin = fileURLToPath(new URL('../../bin/', import.meta.url))
const directory = temporaryDirectory()

/** Runs `headwater` from a directory outside the workspace. */
async function headwater(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { INIT_CWD, ...env } = process.env
  const child = spawn(process.execPath, [join(bin, 'headwater.js'), ...args], { cwd: directory, env })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text) => {
    stdout += text
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

test('doctor runs from anywhere, without a word of the driver, and writes JSON where the user is', async () => {
  const { code, stdout, stderr } = await headwater('doctor', '--json', 'found.json')
  expect(stdout).toContain('Everything that Headwater needs is here.')
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const found = JSON.parse(readFileSync(join(directory, 'found.json'), 'utf8'))
  expect(found.adapter.limits.maxBufferSize).toBeGreaterThan(0)
})

test('a usage error has a code of its own', async () => {
  const { code, stderr } = await headwater('doctor', '--jsn', 'x')
  expect(stderr).toMatch(/unknown option '--jsn'[\s\S]*--json/)
  expect(code).toBe(2)
})

test('a failure is one message and exit code 1', async () => {
  const { code, stderr } = await headwater('doctor', '--json', 'nowhere/found.json')
  expect(stderr).toMatch(/headwater: --json: there is no directory .*nowhere; make it first/)
  expect(stderr).not.toMatch(/\n\s+at /)
  expect(code).toBe(1)
})

test('too few files that may be open are told of before anything fails', async () => {
  const { openFilesProblem } = await import(join(bin, 'open-files.js'))
  const limits = (most: string) => `Max processes  9  9  processes\nMax open files   ${most}   ${most}  files\n`
  expect(openFilesProblem(limits('64'))).toMatch(/^64 files may be open at once, and 256 are needed at least/)
  for (const enough of ['256', '1048576', 'unlimited']) expect(openFilesProblem(limits(enough))).toBeNull()
  expect(openFilesProblem('')).toBeNull()
  if (process.platform !== 'linux') return
  const limited = ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath, join(bin, 'headwater.js'), 'serve']
  const { status, stderr } = spawnSync('sh', limited, { encoding: 'utf8' })
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^headwater: 64 files may be open at once/)])
})

test("a driver's lines of limits are left out, however they come, and nothing else is", async () => {
  const { withoutDriverLines } = await import(join(bin, 'driver-lines.js'))
  const ofDriver = ['Uniform', 'Storage'].map(
    (kind) =>
      `Warning: maxDynamic${kind}BuffersPerPipelineLayout artificially reduced from 1000000 to 16 to fit dynamic offset allocation limit.\n`,
  )
  const kept = ['a line\n', 'Warning: maxDynamic is no word of ours\n', '\n', 'Wärning: x\n', 'no end: Warning: maxDyn']
  const all = Buffer.from([kept[0], ofDriver[0], kept[1], ...ofDriver, kept[2], kept[3], ofDriver[1], kept[4]].join(''))
  for (const size of [1, 2, 7, 64, all.length]) {
    const written: Buffer[] = []
    const lines = withoutDriverLines((bytes: Buffer) => void written.push(Buffer.from(bytes)))
    for (let at = 0; at < all.length; at += size) lines.take(all.subarray(at, at + size))
    lines.end()
    expect(Buffer.concat(written).toString(), `${size} bytes at a time`).toBe(kept.join(''))
  }
  // What cannot become such a line is not held back: a question waits for its answer.
  const written: string[] = []
  const lines = withoutDriverLines((bytes: Buffer) => void written.push(String(bytes)))
  lines.take(Buffer.from('War'))
  lines.take(Buffer.from('m? '))
  expect(written).toEqual(['Warm? '])
})

test("what a program and its processes print comes through, in the launcher's own output and by it", async () => {
  const program = join(directory, 'prints.mjs')
  writeFileSync(
    program,
    `import { execFileSync } from 'node:child_process'
    import { writeSync } from 'node:fs'
    process.stderr.write('by Node\\n')
    console.error('by console')
    writeSync(2, 'by a driver\\n')
    execFileSync(process.execPath, ['-e', 'process.stderr.write("by a process " + process.env.HEADWATER_STDERR + "\\\\n")'], { stdio: 'inherit' })
    process.stderr.write('x'.repeat(300_000) + '\\n')
    process.exit(3)`,
  )
  const script = `
    import { supervise } from ${JSON.stringify(join(bin, 'supervise.js'))}
    const own = ${JSON.stringify(pathToFileURL(join(bin, 'own-stderr.js')).href)}
    process.exitCode = await supervise(process.execPath, ['--import', own, ${JSON.stringify(program)}], { ownStderr: true })`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  })
  expect(status).toBe(3)
  const lines = stderr.split('\n')
  expect(lines.filter((line) => line.startsWith('by')).sort()).toEqual([
    'by Node',
    'by a driver',
    'by a process undefined',
    'by console',
  ])
  expect(lines.indexOf('by console')).toBe(lines.indexOf('by Node') + 1)
  expect(lines).toContain('x'.repeat(300_000))
})

test('a service on one core has node’s options for that', async () => {
  const { nodeOptions } = await import(join(bin, 'one-core.js'))
  const options = nodeOptions(['serve', '--store', 'lmdb:store'], 1)
  expect(options.slice(0, 2)).toEqual(['--max-semi-space-size=4', '--require'])
  expect(readFileSync(options[2], 'utf8')).toContain('--sched-runtime')
  expect(nodeOptions(['serve'], 2)).toEqual([])
  expect(nodeOptions(['evaluate'], 1)).toEqual([])
})

/** A supervisor around a program that counts its SIGINTs and ends at SIGTERM. */
function startCounter() {
  const program = join(directory, 'counter.mjs')
  writeFileSync(
    program,
    `let count = 0
    process.on('SIGINT', () => console.log('interrupted ' + ++count))
    process.on('SIGTERM', () => process.exit(7))
    process.once('disconnect', () => { console.log('alone'); process.exit(1) })
    console.log('started', process.pid)
    setInterval(() => {}, 1000)`,
  )
  const script = `
    import { supervise } from ${JSON.stringify(join(bin, 'supervise.js'))}
    process.exitCode = await supervise(process.execPath, [${JSON.stringify(program)}])`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return { child, exited: once(child, 'exit'), nextLine: async () => (await lines.next()).value as string | undefined }
}

test('a signal that comes twice at once arrives once, and the exit code comes back', async () => {
  const { child, exited, nextLine } = startCounter()
  expect(await nextLine()).toMatch(/^started/)
  child.kill('SIGINT')
  child.kill('SIGINT')
  expect(await nextLine()).toBe('interrupted 1')
  child.kill('SIGTERM')
  expect(await nextLine()).toBeUndefined()
  expect(await exited).toEqual([7, null])
})

test('a program whose supervisor is killed outright learns of it', async () => {
  const { child, nextLine } = startCounter()
  expect(await nextLine()).toMatch(/^started/)
  child.kill('SIGKILL')
  expect(await nextLine()).toBe('alone')
})

describe.runIf(process.platform === 'linux')('a program that npm started', () => {
  const ways: [way: string, command: string[], signal: NodeJS.Signals, ends: boolean][] = [
    ['npm run, npm is told to end', [], 'SIGTERM', true],
    ['npm run, npm is killed outright', [], 'SIGKILL', true],
    ['nohup npm run, which leaves this input where a terminal was', ['nohup'], 'SIGKILL', false],
    ['setsid npm run', ['setsid'], 'SIGKILL', false],
  ]
  test.each(ways)('%s', async (_, [first, ...before], signal, ends) => {
    const own = temporaryDirectory()
    const seen = join(own, 'seen')
    const program = join(own, 'program.mjs')
    writeFileSync(
      program,
      `import { appendFileSync } from 'node:fs'
      const say = (line) => appendFileSync(${JSON.stringify(seen)}, line + '\\n')
      process.on('SIGTERM', () => { say('SIGTERM'); process.exit(0) })
      say(process.pid)
      setInterval(() => {}, 1000)`,
    )
    const script = join(own, 'script.mjs')
    writeFileSync(
      script,
      `import { supervise } from ${JSON.stringify(join(bin, 'supervise.js'))}
      await supervise(process.execPath, [${JSON.stringify(program)}])`,
    )
    writeFileSync(join(own, 'package.json'), JSON.stringify({ scripts: { go: `node ${script}` } }))
    writeFileSync(seen, '')
    const lines = () => readFileSync(seen, 'utf8').trim().split('\n').filter(Boolean)
    const npm = [...(first === undefined ? [] : [first, ...before]), 'npm', 'run', 'go']
    const input = openSync('/dev/null', first === 'nohup' ? 'w' : 'r')
    const child = spawn(npm[0], npm.slice(1), { cwd: own, stdio: [input, 'ignore', 'ignore'] })
    closeSync(input)
    await vi.waitFor(() => expect(lines()).toHaveLength(1), { timeout: 30_000 })
    const pid = Number(lines()[0])
    const isThere = () => existsSync(`/proc/${pid}`)
    child.kill(signal)
    await once(child, 'exit')
    if (ends) {
      await vi.waitFor(() => expect(isThere()).toBe(false), { timeout: 10_000 })
      expect(lines()[1]).toBe('SIGTERM')
    } else {
      // Longer than it looks for its launcher: it would have ended by now.
      await new Promise((resolve) => setTimeout(resolve, 1500))
      expect(isThere()).toBe(true)
      process.kill(pid, 'SIGTERM')
      await vi.waitFor(() => expect(isThere()).toBe(false), { timeout: 10_000 })
    }
  })
})
