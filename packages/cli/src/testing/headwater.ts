import { vi } from 'vitest'
import { runCommandLine } from '../commands/program.ts'

/** Runs a command in this process. */
export async function headwater(...args: string[]) {
  const output = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text, ...rest) => {
      output[stream] += text
      for (const written of rest) if (typeof written === 'function') written()
      return true
    }),
  )
  process.exitCode = undefined
  try {
    const code = await runCommandLine(args)
    return { code, ...output }
  } finally {
    for (const spy of spies) spy.mockRestore()
    process.exitCode = undefined
  }
}

/** Runs a command in this process as if the directory were the user's. */
export async function headwaterIn(directory: string, ...args: string[]) {
  const { INIT_CWD: before } = process.env
  process.env.INIT_CWD = directory
  try {
    return await headwater(...args)
  } finally {
    if (before === undefined) delete process.env.INIT_CWD
    else process.env.INIT_CWD = before
  }
}
