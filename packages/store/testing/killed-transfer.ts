import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** Runs a transfer in a process of its own and kills it outright once it has written some batches and flushed them. */
export async function killedTransfer(batches: number, ...args: string[]): Promise<void> {
  const program = join(import.meta.dirname, 'slow-transfer.ts')
  const child = spawn(
    process.execPath,
    ['--conditions=@headwater/source', '--import', import.meta.resolve('tsx'), program, ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let lines = 0
  child.stdout.on('data', (text: Buffer) => {
    lines += text.toString().split('\n').length - 1
    if (lines >= batches) child.kill('SIGKILL')
  })
  const [, signal] = await once(child, 'close')
  if (signal !== 'SIGKILL') throw new Error(`the transfer ended by itself after ${lines} batches`)
}
