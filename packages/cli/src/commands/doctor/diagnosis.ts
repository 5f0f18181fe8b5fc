import { constants } from 'node:fs'
import { access, mkdtemp, rm, statfs } from 'node:fs/promises'
import { availableParallelism, freemem, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import type { AdapterDescription, DeviceReport } from '@headwater/gpu'

/** One thing the machine needs: what was found, and where that is not enough, the command that mends it. */
interface Check {
  readonly name: string
  readonly ok: boolean
  readonly found: string
  readonly remedy?: string
}

export interface Diagnosis {
  readonly ok: boolean
  readonly checks: readonly Check[]
  /** Null where WebGPU finds no adapter. */
  readonly adapter:
    | (AdapterDescription & {
        /** The name of its measurements in the tuning table. */
        adapterClass: string
        features: DeviceReport['features']
        limits: Record<string, number>
      })
    | null
}

export interface DiagnosisOptions {
  /** The directory that results would be written to. */
  directory: string
  /** A `GPU` to ask instead of Dawn. */
  gpu?: GPU
}

const oldestNode = [20, 12] as const
const neededMemoryBytes = 2e9
const neededDiskBytes = 1e9

/** Limits that bound model and batch sizes. */
const limitNames = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const

/** Tries each thing that the main job needs, for real; a failure is a finding and never throws. */
export async function diagnose({ directory, gpu }: DiagnosisOptions): Promise<Diagnosis> {
  const { check: adapterCheck, adapter } = await checkAdapter(gpu)
  const checks = [
    checkNode(),
    checkMemory(),
    await checkDirectory(directory),
    adapterCheck,
    await attempt('Store', tryStore, 'npm run setup'),
    await attempt('Log reader', tryLog, 'npm run setup'),
  ]
  return { ok: checks.every(({ ok }) => ok), checks, adapter }
}

function checkNode(): Check {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
  const ok = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  const found = `${process.versions.node} on ${process.platform}-${process.arch}`
  return {
    name: 'Node',
    ok,
    found,
    ...(!ok && { remedy: `install Node ${oldestNode.join('.')} or newer: https://nodejs.org` }),
  }
}

function checkMemory(): Check {
  const ok = totalmem() >= neededMemoryBytes
  const found = `${gigabytes(totalmem())}, ${gigabytes(freemem())} free, ${availableParallelism()} cores`
  return { name: 'Memory', ok, found, ...(!ok && { remedy: `the main job needs ${gigabytes(neededMemoryBytes)}` }) }
}

async function checkDirectory(directory: string): Promise<Check> {
  const name = 'Disk'
  try {
    await access(directory, constants.W_OK)
    const { bavail, bsize } = await statfs(directory)
    const ok = bavail * bsize >= neededDiskBytes
    const found = `${directory} is writable, ${gigabytes(bavail * bsize)} free`
    return { name, ok, found, ...(!ok && { remedy: 'free some space, or name another place with --out' }) }
  } catch (error) {
    return { name, ok: false, found: message(error), remedy: 'name a directory of yours with --out' }
  }
}

async function checkAdapter(gpu: GPU | undefined): Promise<{ check: Check; adapter: Diagnosis['adapter'] }> {
  const name = 'WebGPU'
  try {
    const { requestDevice } = await import('@headwater/gpu')
    const device = await requestDevice({ label: 'doctor', ...(gpu && { gpu }) })
    const { description, vendor, software, subgroupMinSize, subgroupMaxSize } = device.adapter
    const adapter = {
      ...device.adapter,
      adapterClass: device.adapterClass,
      features: device.report.features,
      limits: Object.fromEntries(limitNames.map((limit) => [limit, device.limits[limit]])),
    }
    device.destroy()
    const kind = software ? 'software' : 'hardware'
    const lanes = subgroupMinSize === subgroupMaxSize ? subgroupMinSize : `${subgroupMinSize}–${subgroupMaxSize}`
    const found = `${description || vendor} (${device.adapterClass}, ${kind}, subgroups of ${lanes})`
    return { check: { name, ok: true, found }, adapter }
  } catch (error) {
    return { check: { name, ok: false, found: message(error), remedy: 'npm run setup' }, adapter: null }
  }
}

async function attempt(name: string, work: () => Promise<string>, remedy: string): Promise<Check> {
  try {
    return { name, ok: true, found: await work() }
  } catch (error) {
    return { name, ok: false, found: message(error), remedy }
  }
}

async function tryStore(): Promise<string> {
  const { openStore } = await import('@headwater/store')
  const directory = await mkdtemp(join(tmpdir(), 'headwater-doctor-'))
  try {
    const store = await openStore(`lmdb:${directory}`)
    await store.compareAndSetStates([[{ kind: 'user', key: 'doctor', expected: 0, state: Uint8Array.of(1, 2, 3) }]])
    const { states } = await store.readStates('user', ['doctor'])
    await store.close()
    if (states[0]?.join() !== '1,2,3') throw new Error('LMDB did not read back what was written')
    return 'LMDB writes and reads'
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function tryLog(): Promise<string> {
  const { openLog } = await import('@headwater/datasets')
  const log = await openLog({ data: 'movietweetings' })
  await log.close()
  return `DuckDB reads the bundled log, ${log.rows.toLocaleString('en')} events`
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
