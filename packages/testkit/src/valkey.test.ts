import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterEach, expect, test, vi } from 'vitest'
import { NoValkeyError, startValkey, startValkeyCluster, until } from './valkey.ts'

afterEach(() => vi.unstubAllEnvs())

test('keeps what a killed server has on its disk, and removes it at the end', async () => {
  const node = await startValkey({ fsync: 'always', password: 'se cret' })
  await node.command('SET', 'a', Uint8Array.of(0, 255, 13, 10))
  await node.kill()
  await expect(node.command('PING')).rejects.toThrow()
  await node.restart()
  expect(await node.commandBytes('GET', 'a')).toEqual(Buffer.of(0, 255, 13, 10))
  await node.close()
  expect(existsSync(node.directory)).toBe(false)
})

test('speaks TLS', async () => {
  const node = await startValkey({ tls: true })
  expect(await node.command('PING')).toBe('PONG')
  expect(existsSync(node.certificateFile!)).toBe(true)
  await node.close()
})

test('joins a cluster whose slots move and whose replicas take over', async () => {
  const cluster = await startValkeyCluster()
  try {
    const masters = await cluster.masters()
    expect(masters.length).toBe(3)
    const from = await cluster.masterOfKey('a')
    await from.command('SET', 'a', 1)
    const replica = await cluster.replicaOf(from)
    await until('the replica holds it', async () => (await replica.command('DBSIZE')) === 1)

    const to = masters.find((node) => node !== from)!
    const move = await cluster.moveSlot(await cluster.slotOf('a'), to)
    await expect(from.command('GET', 'b{a}')).rejects.toThrow(/ASK/)
    await move.finish()
    expect(await to.command('GET', 'a')).toBe('1')
    await expect(from.command('GET', 'a')).rejects.toThrow(/MOVED/)

    await cluster.failover(await cluster.replicaOf(to))
    expect((await cluster.masterOfKey('a')) === to).toBe(false)
  } finally {
    await cluster.close()
  }
})

test('ends its servers with the process that started them', async () => {
  const script = `
    import { startValkey } from ${JSON.stringify(`${import.meta.dirname}/valkey.ts`)}
    const node = await startValkey()
    process.stdout.write(node.address + ' ' + node.directory + '\\n')
    setInterval(() => {}, 1_000)`
  const args = ['--conditions=@headwater/source', '--import', 'tsx', '--input-type=module', '--eval', script]
  const starter = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await new Promise<Buffer[]>((resolve) => starter.stdout.once('data', (...data) => resolve(data)))
  const [, directory] = line.toString().trim().split(' ')
  expect(existsSync(directory)).toBe(true)
  starter.kill('SIGKILL')
  await until('the directory is gone', async () => !existsSync(directory))
})

test('says how to get a server where there is none', async () => {
  vi.stubEnv('HEADWATER_VALKEY', '/nowhere/valkey-server')
  const started = startValkey()
  await expect(started).rejects.toThrow(NoValkeyError)
  await expect(started).rejects.toThrow(/\/nowhere\/valkey-server.*npm run setup -- --valkey/)
})
