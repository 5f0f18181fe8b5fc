/** What `headwater serve` is told on its command line, checked as far as it can be before anything is opened. */
import { readFileSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import type { PoolingArguments } from '../../arguments/serving-policy.ts'
import { userPath } from '../../files/paths.ts'

/** Options of `headwater serve` that do not go together, or name what is not there. */
export class ServeError extends Error {
  override readonly name = 'ServeError'
}

export interface ServeOptions extends PoolingArguments {
  readonly model: readonly ModelArgument[]
  readonly store: string
  readonly name?: string
  readonly host: string
  readonly port: number
  readonly tokens?: string
  readonly tlsKey?: string
  readonly tlsCert?: string
  readonly tlsClientCa?: string
  readonly modelCache: string
  readonly modelTokenFile?: string
  readonly modelCa?: string
  readonly role: 'read' | 'refresh' | 'all'
  readonly claimAfter: number
  readonly maxQueue: number
  readonly mode: 'asynchronous' | 'synchronous' | 'stored'
  readonly deadline: number
  readonly refreshOn: 'event' | 'read' | 'both'
  readonly maxAge?: number
  readonly timeToLive?: number
  readonly segmentField?: string
  readonly encoder: 'webgpu' | 'onnx'
  readonly encoderCpus?: string
  readonly encoderIdle?: boolean
  readonly shadow?: ShadowArgument
  readonly shadowShare: number
  readonly servedLog?: string
  readonly servedLogLatest?: boolean
  readonly eventLog?: string
  readonly outcomeLog?: string
  readonly rotate: number
  readonly keepFiles?: number
  readonly logLevel?: string
  readonly traces?: string
  readonly requestsPerSecond: number
  readonly burst: number
}

export interface ModelArgument {
  /** Null where the directory stands alone. */
  readonly name: string | null
  /** Or the URL of a publisher. */
  readonly directory: string
}

export interface ShadowArgument {
  /** Null where there is only one model to mean. */
  readonly model: string | null
  readonly snapshot: number | 'latest-held'
}

/** `NAME=` before something; what looks like a path is none. */
const named = /^([\w-][\w.-]*)=(.*)$/s

/** One more `--model`. */
export function modelArgument(text: string, before: readonly ModelArgument[] = []): readonly ModelArgument[] {
  const [, name = null, directory = text] = named.exec(text) ?? []
  if (directory === '') throw new InvalidArgumentError('Give a directory, or NAME=DIR.')
  return [...before, { name, directory: /^https?:\/\//.test(directory) ? directory : userPath(directory) }]
}

export function shadowArgument(text: string): ShadowArgument {
  const [, model = null, snapshot = text] = named.exec(text) ?? []
  if (snapshot === 'latest-held') return { model, snapshot }
  const number = Number(snapshot)
  if (!/^\d+$/.test(snapshot) || number < 1 || number > 0xffff_ffff)
    throw new InvalidArgumentError(
      'Give the number of a snapshot, or latest-held; before it, MODEL= if there are several.',
    )
  return { model, snapshot: number }
}

export function shareArgument(text: string): number {
  const share = Number(text)
  if (!(share > 0 && share <= 1)) throw new InvalidArgumentError('Give a share of the batches, above 0 and at most 1.')
  return share
}

export function urlArgument(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('Give a URL, as in http://127.0.0.1:4318/v1/traces.')
  return text
}

/** Directories by name of the model. @throws ServeError */
export function modelDirectories({ model, name }: ServeOptions): ReadonlyMap<string, string> {
  if (name !== undefined && model.length > 1)
    throw new ServeError('--name names one model; with several, give each as --model NAME=DIR.')
  const directories = new Map<string, string>()
  for (const { name: own, directory } of model) {
    if (own !== null && name !== undefined)
      throw new ServeError(`--name ${name} and --model ${own}=…: name the model in one of the two places.`)
    if (own === null && model.length > 1)
      throw new ServeError(`--model ${directory}: with several models, give each as --model NAME=DIR.`)
    const key = own ?? name ?? 'sum'
    if (directories.has(key)) throw new ServeError(`--model: "${key}" is given twice; give each model its own name.`)
    directories.set(key, directory)
  }
  return directories
}

/** Name of the model that has a shadow, null where none has. @throws ServeError */
export function shadowedModel({ shadow }: ServeOptions, models: ReadonlyMap<string, string>): string | null {
  if (shadow === undefined) return null
  if (shadow.model === null) {
    if (models.size > 1)
      throw new ServeError('--shadow: with several models, name the one that it is of: NAME=SNAPSHOT.')
    return [...models.keys()][0]
  }
  if (models.has(shadow.model)) return shadow.model
  throw new ServeError(`--shadow: no model is named "${shadow.model}"; there are: ${[...models.keys()].join(', ')}.`)
}

/** Key and certificate, undefined without the options. @throws ServeError */
export function tlsOf({ tlsKey, tlsCert, tlsClientCa }: ServeOptions) {
  if (tlsKey === undefined && tlsCert === undefined && tlsClientCa === undefined) return undefined
  if (tlsKey === undefined || tlsCert === undefined)
    throw new ServeError('--tls-key and --tls-cert go together; give both.')
  return {
    key: read('--tls-key', tlsKey),
    cert: read('--tls-cert', tlsCert),
    ...(tlsClientCa !== undefined && { clientCa: read('--tls-client-ca', tlsClientCa) }),
  }
}

/** @throws ServeError where the file cannot be read */
export function read(option: string, file: string): Buffer {
  const path = userPath(file)
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new ServeError(`${option}: ${path} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, { cause })
  }
}
