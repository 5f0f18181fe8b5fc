import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkpointOf } from '../testing/some-checkpoint.ts'
import { CheckpointError } from './checkpoint-error.ts'
import { Checkpoints } from './checkpoints.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'checkpoint tests' })
})
afterAll(() => device.destroy())

const settings = { seed: 1, config: { width: 8, hidden: 16 }, rates: [1, 2] }

async function open(directory: string, more: { settings?: Record<string, unknown>; keep?: number } = {}) {
  const warnings: string[] = []
  const onWarning = (message: string) => warnings.push(message)
  return { warnings, checkpoints: await Checkpoints.open({ device, directory, settings, onWarning, ...more }) }
}

/** A directory of as many checkpoints; the rounds of each are its number. */
async function written(count: number, kibibytes = 2, keep = 3) {
  const directory = join(temporaryDirectory(), 'checkpoints')
  const { checkpoints, warnings } = await open(directory, { keep })
  for (let rounds = 1; rounds <= count; rounds++) {
    const { state, buffers, release } = checkpointOf(device, kibibytes, rounds)
    await checkpoints.save(state, buffers)
    // What happens to a buffer after the copy is not in the checkpoint.
    device.gpuDevice.queue.writeBuffer(buffers[0].buffer, 0, new Uint32Array(4))
    await checkpoints.settled()
    release()
  }
  expect(warnings).toEqual([])
  return directory
}

const fileOf = (directory: string, number: number) => join(directory, `checkpoint-00000${number}.bin`)

/** What `newest` finds: its rounds, and what it warned of. */
async function found(directory: string, more: Parameters<typeof open>[1] = {}) {
  const { checkpoints, warnings } = await open(directory, more)
  const file = await checkpoints.newest()
  await file?.close()
  return { rounds: file?.header.state.rounds, warnings }
}

describe('a checkpoint', () => {
  it('gives back state and bytes, over many chunks', async () => {
    const kibibytes = 2500
    const directory = await written(1, kibibytes)
    const { checkpoints } = await open(directory)
    const file = (await checkpoints.newest())!
    const { state, buffers, release } = checkpointOf(device, kibibytes, 1)
    expect(file.header.state).toEqual(state)
    for (const [i, sizeBytes] of [1024, kibibytes * 1024].entries()) {
      const bytes = new Uint8Array(sizeBytes)
      await file.read(`buffer ${i}`, sizeBytes, (chunk, at) => bytes.set(chunk, at))
      expect(Buffer.compare(bytes, new Uint8Array(await device.read(buffers[i].buffer)))).toBe(0)
    }
    await expect(file.read('buffer 0', 1040, () => {})).rejects.toThrow(/has no buffer 0 of 1040 bytes/)
    await file.close()
    release()
  })

  it('is laid out as documented', async () => {
    const bytes = readFileSync(fileOf(await written(1), 1))
    expect(bytes.subarray(0, 8).toString()).toBe('HWCHECK2')
    const headerBytes = Number(bytes.readBigUInt64LE(8))
    expect(JSON.parse(bytes.subarray(16, 16 + headerBytes).toString())).toMatchObject({ settings })
    expect(bytes.length).toBe(16 + headerBytes + 3 * 1024 + 32)
    const sum = createHash('sha256').update(bytes.subarray(0, -32)).digest()
    expect(sum.equals(bytes.subarray(-32))).toBe(true)
  })

  it('is one of the few that are kept, and gives the device its memory back', async () => {
    device.pool.clear()
    const before = device.allocatedBytes
    const directory = await written(5, 2, 2)
    expect(readdirSync(directory)).toEqual(['checkpoint-000004.bin', 'checkpoint-000005.bin'])
    expect(await found(directory)).toEqual({ rounds: 5, warnings: [] })
    expect(device.allocatedBytes).toBe(before)
  })

  it('takes the next number after those that are there; what a killed writer left is removed', async () => {
    const directory = await written(2)
    const gone = spawnSync(process.execPath, ['-e', '']).pid
    writeFileSync(join(directory, `.checkpoint-3-${gone}.partial`), 'HWCHECK2')
    const { checkpoints } = await open(directory)
    const { state, buffers, release } = checkpointOf(device, 1)
    await checkpoints.save(state, buffers)
    await checkpoints.settled()
    release()
    expect(readdirSync(directory)).toEqual([1, 2, 3].map((n) => `checkpoint-00000${n}.bin`))
  })
})

describe('a bad checkpoint is refused with its reason, and the one before is used', () => {
  const flip = (path: string, at: number) => {
    const bytes = readFileSync(path)
    bytes[at < 0 ? bytes.length + at : at] ^= 1
    writeFileSync(path, bytes)
  }
  it.each<[string, (path: string) => void, RegExp]>([
    ['cut to nothing', (path) => truncateSync(path, 0), /is cut short: 0 bytes\. Remove it/],
    [
      'cut in its header',
      (path) => truncateSync(path, 60),
      /is cut short or damaged: a header of \d+ bytes in a file of 60/,
    ],
    ['cut by its last byte', (path) => truncateSync(path, statSync(path).size - 1), /its checksum does not match/],
    ['with bytes behind it', (path) => writeFileSync(path, 'x', { flag: 'a' }), /its checksum does not match/],
    ['with a flipped bit in its header', (path) => flip(path, 40), /its checksum does not match/],
    ['with a flipped bit in its data', (path) => flip(path, -100), /its checksum does not match/],
    ['with a flipped bit in its checksum', (path) => flip(path, -1), /its checksum does not match/],
    ['of another format', (path) => flip(path, 7), /is of a format that this version does not read/],
  ])('%s', async (_, spoil, message) => {
    const directory = await written(2)
    spoil(fileOf(directory, 2))
    const { rounds, warnings } = await found(directory)
    expect(rounds).toBe(1)
    expect(warnings).toEqual([expect.stringMatching(message)])
    expect(warnings[0]).toMatch(/checkpoint-000002\.bin .* The one before is used\.$/)
  })

  it('of other settings: the first that differs is named', async () => {
    const directory = await written(1)
    const other = { ...settings, config: { width: 8, hidden: 32 } }
    const newer = await open(directory, { settings: other })
    const { state, buffers, release } = checkpointOf(device, 1, 2)
    await newer.checkpoints.save(state, buffers)
    await newer.checkpoints.settled()
    release()
    expect(await found(directory)).toEqual({
      rounds: 1,
      warnings: [
        expect.stringMatching(/is of another training: config\.hidden was 32 and is 16\. Give what it was made/),
      ],
    })
    expect(await found(directory, { settings: other })).toEqual({ rounds: 2, warnings: [] })
  })

  it('all of them: that is an error', async () => {
    const directory = await written(2)
    for (const number of [1, 2]) flip(fileOf(directory, number), -40)
    const { checkpoints } = await open(directory)
    await expect(checkpoints.newest()).rejects.toThrow(CheckpointError)
    await expect(checkpoints.newest()).rejects.toThrow(/No checkpoint can be gone on from\. .*000002.*000001/)
  })

  it('none at all: null', async () => {
    expect(await found(temporaryDirectory())).toEqual({ rounds: undefined, warnings: [] })
  })
})

// A limit on file size is a full disk to the process: the file system takes some of the bytes and refuses the rest.
if (process.platform !== 'win32')
  it('on a full disk is an error, and the checkpoint before stays', async () => {
    const directory = await written(1)
    const program = join(import.meta.dirname, '../testing/write-checkpoint.ts')
    const node = [process.execPath, '--conditions=@headwater/source', '--import', 'tsx', program, directory]
    const limited = ['-c', 'trap "" XFSZ; ulimit -f 64; exec "$@"', 'sh', ...node]
    const { status, stderr } = spawnSync('sh', limited, { encoding: 'utf8' })
    expect(stderr).toMatch(
      /CheckpointError: Checkpoint \S+checkpoint-000002\.bin cannot be written \(EFBIG\): give the disk/,
    )
    expect(status).toBe(1)
    expect(readdirSync(directory)).toEqual(['checkpoint-000001.bin'])
    expect(await found(directory)).toEqual({ rounds: 1, warnings: [] })
  })

it('that cannot be written is a warning: the next one may be', async () => {
  const directory = join(temporaryDirectory(), 'checkpoints')
  const { checkpoints, warnings } = await open(directory)
  rmdirSync(directory)
  const { state, buffers, release } = checkpointOf(device, 1)
  const before = device.allocatedBytes
  await checkpoints.save(state, buffers)
  await checkpoints.settled()
  expect(warnings).toEqual([expect.stringMatching(/^Checkpoint \S+ cannot be written \(ENOENT\): give the disk room/)])
  expect(device.allocatedBytes).toBe(before)
  mkdirSync(directory)
  await checkpoints.save(state, buffers)
  await checkpoints.settled()
  expect(warnings).toHaveLength(1)
  expect(readdirSync(directory)).toHaveLength(1)
  release()
})

it('a place that cannot hold checkpoints is an error', async () => {
  const file = join(temporaryDirectory(), 'file')
  writeFileSync(file, '')
  await expect(open(join(file, 'checkpoints'))).rejects.toThrow(
    /cannot hold checkpoints \(ENOTDIR\): choose another place/,
  )
})
