import { constants } from 'node:fs'
import { access, mkdtemp, rm, statfs } from 'node:fs/promises'
import { availableParallelism, freemem, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'

/** One thing that the machine needs: what was found, and where that is not enough, what to do. */
interface Check {
  readonly name: string
  readonly ok: boolean
  readonly found: string
  readonly remedy?: string
}

export type Diagnosis = Awaited<ReturnType<typeof diagnose>>

const oldestNode = [20, 12] as const
const neededMemoryBytes = 2e9
const neededDiskBytes = 1e9

// Built, the command is installed in another's project, which has no set-up.
const isCheckout = import.meta.url.endsWith('.ts')
const bringPackages = isCheckout ? 'npm run setup' : 'npm install --include=optional'
const bringDriver = isCheckout ? 'npm run setup' : 'apt-get install mesa-vulkan-drivers, or the driver of your GPU'

/** Limits that bound model and batch sizes. */
const limitNames = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const

/**
 * Tries each thing that the main job needs, for real; a failure is a finding and never throws.
 * @param directory that results would be written to
 * @param gpu to ask instead of Dawn
 */
export async function diagnose({ directory, gpu }: { directory: string; gpu?: GPU }) {
  /** Null where WebGPU finds none. */
  let adapter = null as Adapter | null
  const tryAdapter = async () => {
    adapter = await adapterOf(gpu)
    return describeAdapter(adapter)
  }
  const checks = [
    await attempt('Node', checkNode, `install Node ${oldestNode.join('.')} or newer: https://nodejs.org`),
    await attempt('Memory', checkMemory, `the main job needs ${gigabytes(neededMemoryBytes)}`),
    await attempt('Disk', () => checkDirectory(directory), 'free some space, or name a directory of yours with --out'),
    await attempt('WebGPU', tryAdapter, bringDriver),
    await attempt('Store', tryStore, bringPackages),
    await attempt('Log reader', tryLog, bringPackages),
  ]
  return { ok: checks.every(({ ok }) => ok), checks, adapter }
}

type Finding = Pick<Check, 'ok' | 'found'>

/** @param check gives a finding, or what it found where finding it is enough; it throws where nothing is there */
async function attempt(name: string, check: () => Finding | Promise<Finding | string>, remedy: string): Promise<Check> {
  try {
    const found = await check()
    const finding = typeof found === 'string' ? { ok: true, found } : found
    return { name, ...finding, ...(!finding.ok && { remedy }) }
  } catch (error) {
    return { name, ok: false, found: error instanceof Error ? error.message : String(error), remedy }
  }
}

function checkNode(): Finding {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const ok = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  return { ok, found: `${process.versions.node} on ${process.platform}-${process.arch}` }
}

function checkMemory(): Finding {
  const found = `${gigabytes(totalmem())}, ${gigabytes(freemem())} free, ${availableParallelism()} cores`
  return { ok: totalmem() >= neededMemoryBytes, found }
}

async function checkDirectory(directory: string): Promise<Finding> {
  await access(directory, constants.W_OK)
  const { bavail, bsize } = await statfs(directory)
  const found = `${directory} is writable, ${gigabytes(bavail * bsize)} free`
  return { ok: bavail * bsize >= neededDiskBytes, found }
}

type Adapter = Awaited<ReturnType<typeof adapterOf>>

async function adapterOf(gpu: GPU | undefined) {
  const { requestDevice } = await import('@headwater/gpu')
  const device = await requestDevice({ label: 'doctor', ...(gpu && { gpu }) })
  const { adapter, adapterClass, report, limits } = device
  device.destroy()
  return {
    ...adapter,
    /** The name of its measurements in the tuning table. */
    adapterClass,
    features: report.features,
    limits: Object.fromEntries(limitNames.map((limit) => [limit, limits[limit]])),
  }
}

function describeAdapter(adapter: Adapter): string {
  const { description, vendor, adapterClass, software, subgroupMinSize, subgroupMaxSize } = adapter
  const lanes = subgroupMinSize === subgroupMaxSize ? subgroupMinSize : `${subgroupMinSize}–${subgroupMaxSize}`
  return `${description || vendor} (${adapterClass}, ${software ? 'software' : 'hardware'}, subgroups of ${lanes})`
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
