/** A program in a process of its own whose disk or clock does as it is told. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DiskFault } from './disk-fault.ts'

export interface FaultedProcess {
  /** Its renames and syncs, each with the paths that it names. */
  readonly calls: readonly string[]
  readonly stdout: string
  readonly stderr: string
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const preload = new URL('./disk-fault-preload.ts', import.meta.url).href
const node = ['--conditions=@headwater/source', '--import', import.meta.resolve('tsx'), '--import', preload]

/** @param program TypeScript, and its arguments @param fault null: it is left alone */
export async function runWithFault(
  program: readonly string[],
  cwd: string,
  fault: DiskFault | null,
): Promise<FaultedProcess> {
  const home = mkdtempSync(join(tmpdir(), 'headwater-fault-'))
  const log = join(home, 'calls')
  try {
    const { INIT_CWD: _, ...env } = process.env
    const child = spawn(process.execPath, [...node, ...program], {
      cwd,
      env: { ...env, HEADWATER_DISK_FAULT: JSON.stringify({ log, ...fault }) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text
      })
    const [code, signal] = await once(child, 'close')
    const calls = existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : []
    return { calls, ...output, code, signal }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}
