/** What a command encodes with: a GPU through WebGPU, or ONNX Runtime where that is faster. */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Option } from '@commander-js/extra-typings'
import { CommandError } from '../arguments/command-error.ts'
import type { ProbedAdapter } from './adapter-main.ts'

export type EncoderKind = 'webgpu' | 'onnx'

const isSource = import.meta.url.endsWith('.ts')
const moduleOf = (name: string) => new URL(`./${name}.${isSource ? 'ts' : 'js'}`, import.meta.url)

/** URL of the module whose `backend` encodes by ONNX Runtime. */
export const onnxBackend: URL = moduleOf('onnx-backend')

export const encoderOption = () =>
  new Option(
    '--encoder <what>',
    'what computes: a GPU through WebGPU, or ONNX Runtime on the CPU; auto: the latter where it is installed and WebGPU has no GPU',
  )
    .choices(['auto', 'webgpu', 'onnx'])
    .default('auto')

/**
 * @param say told what was chosen, where that is not what the command would say anyway
 * @throws CommandError where ONNX Runtime is asked for and is not installed
 */
export async function chooseEncoder(asked: EncoderKind | 'auto', say: (line: string) => void): Promise<EncoderKind> {
  const isInstalled = hasOnnxRuntime()
  if (asked === 'onnx' && !isInstalled)
    throw new CommandError('--encoder onnx needs ONNX Runtime: install it by `npm install onnxruntime-node@1`.')
  if (asked !== 'auto') return asked
  if (!isInstalled) return 'webgpu'
  const adapter = await probeAdapter()
  if (adapter !== null && !adapter.software) return 'webgpu'
  const why = adapter === null ? 'WebGPU has no adapter' : `WebGPU has a software adapter alone, ${adapter.description}`
  say(`Encoding on the CPU by ONNX Runtime: ${why}. --encoder says otherwise.`)
  return 'onnx'
}

/** It is not installed with the command, as it is large and few machines use it. */
function hasOnnxRuntime(): boolean {
  try {
    createRequire(import.meta.url).resolve('onnxruntime-node')
    return true
  } catch {
    return false
  }
}

/** Null where there is none. */
async function probeAdapter(): Promise<ProbedAdapter | null> {
  const loader = isSource ? ['--conditions=@headwater/source', '--import', import.meta.resolve('tsx')] : []
  const { stdout } = await promisify(execFile)(process.execPath, [...loader, fileURLToPath(moduleOf('adapter-main'))])
  return JSON.parse(stdout)
}
