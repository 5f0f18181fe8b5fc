import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface ColdStart {
  /** From asking for a device to the first embedding. */
  readonly encodeMs: number
  /** From there to the end of the first training step. */
  readonly trainMs: number
  /** From the start of the process to the first embedding. */
  readonly processMs: number
}

/** Starts the small tower in a process whose driver finds no cached pipeline. */
export async function measureColdStart(): Promise<ColdStart> {
  const cache = await mkdtemp(join(tmpdir(), 'headwater-cold-'))
  const abort = new AbortController()
  const end = () => abort.abort()
  process.once('exit', end)
  try {
    const args = ['--conditions=@headwater/source', '--import', 'tsx', join(import.meta.dirname, 'cold-start.ts')]
    // Mesa's and NVIDIA's caches on disk, emptied or off.
    const env = {
      ...process.env,
      MESA_SHADER_CACHE_DIR: cache,
      MESA_SHADER_CACHE_DISABLE: 'true',
      __GL_SHADER_DISK_CACHE_PATH: cache,
      __GL_SHADER_DISK_CACHE: '0',
      CUDA_CACHE_DISABLE: '1',
    }
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      cwd: import.meta.dirname,
      env,
      signal: abort.signal,
    })
    return JSON.parse(stdout.trim().split('\n').at(-1)!)
  } finally {
    process.removeListener('exit', end)
    await rm(cache, { recursive: true, force: true })
  }
}
