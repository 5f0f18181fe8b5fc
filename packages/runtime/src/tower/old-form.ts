/**
 * Configs and tensors as they were written before tokens and extractors became lists: the only place that knows that form.
 * There, `user.bags`, `user.dense` and `user.sequence` had a key each, a level had a key for each extractor, `null` where it
 * was without, and some keys that were absent meant "with it".
 */
import { type BindingLimits, padded } from '@headwater/kernels'
import { ModelConfigError } from '../config/config-error.ts'
import { type ParameterPlace, placeParameters } from '../parameters/parameter-runs.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { ModelConfig } from './config.ts'

type Json = { readonly [key: string]: unknown }

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const oldExtractors = ['mlp', 'compression', 'cross', 'mixer'] as const

/** An object without the keys whose value means that there is nothing. */
const given = (object: Json): Json =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
const unless = (without: unknown, value: unknown) => (value === without ? undefined : value)
const absentAsTrue = (value: unknown) => (value === undefined ? true : unless(false, value))

/** A config of the older form in today's, with the older path of each of today's that is another one. */
class Translation {
  readonly #source: string
  readonly #paths = new Map<string, string>()

  constructor(source: string) {
    this.#source = source
  }

  config(json: Json): Json {
    const { user, embeddings, dropout, ...rest } = json
    return given({
      user: this.#user(user as Json),
      embeddings: isObject(embeddings) ? this.#embeddings(embeddings) : embeddings,
      ...rest,
      dropout: unless(0, dropout),
    })
  }

  /** The path that a place has in the file. */
  pathOf(path: string): string {
    let [found, old] = ['', '']
    for (const [now, before] of this.#paths)
      if (now.length > found.length && path.startsWith(now) && /^($|[.[])/.test(path.slice(now.length)))
        [found, old] = [now, before]
    return old + path.slice(found.length)
  }

  #user({ bags, dense, sequence, levels, ...rest }: Json): Json {
    const tokens = [
      ...this.#dense(this.#object(dense, 'user.dense')),
      { kind: 'bags', pooling: bags },
      ...this.#events(this.#object(sequence, 'user.sequence')),
    ]
    for (const [i, { kind }] of tokens.entries())
      this.#paths.set(`user.tokens[${i}]`, kind === 'events' ? 'user.sequence' : `user.${kind}`)
    const at = (kind: string) => `user.tokens[${tokens.findIndex((own) => own.kind === kind)}]`
    this.#paths.set(`${at('bags')}.pooling`, 'user.bags')
    for (const [now, before] of [
      ['count', 'blocks'],
      ['heads', 'heads'],
      ['hidden', 'hidden'],
    ])
      this.#paths.set(`${at('events')}.blocks.${now}`, `user.sequence.${before}`)
    return {
      ...rest,
      tokens,
      levels: Array.isArray(levels) ? levels.map((level, k) => this.#level(level, `user.levels[${k}]`)) : levels,
    }
  }

  #dense({ tokens, standardize, encoding, ...rest }: Json): Json[] {
    if (tokens === 0) return []
    const isPlain = isObject(encoding) && encoding.kind === 'plain'
    const own = {
      kind: 'dense',
      tokens,
      standardize: unless(false, standardize),
      encoding: isPlain ? undefined : encoding,
    }
    return [given({ ...own, ...rest })]
  }

  #events({ blocks, heads, hidden, pooled, recent, sums, ...rest }: Json): Json[] {
    const own = { pooled: unless(0, pooled), recent: unless(0, recent), sums: unless(false, sums) }
    if (Object.values(own).every((value) => value === undefined)) return []
    const isMixed = own.pooled !== undefined || own.recent !== undefined
    const stack = blocks === 0 || !isMixed ? undefined : { count: blocks, heads, hidden }
    return [given({ kind: 'events', blocks: stack, ...own, ...rest })]
  }

  #level(json: unknown, path: string): Json {
    const { mlp, compression, cross, mixer, norm, residual, dense, ...rest } = this.#object(json, path)
    if ('extractors' in rest)
      throw this.#refusal(`${path}.extractors`, 'is of today’s form in a config of an older one')
    const parts = { mlp, compression, cross, mixer }
    const extractors = oldExtractors
      .filter((kind) => parts[kind] !== null && parts[kind] !== undefined)
      .map((kind) => ({ kind, ...this.#object(parts[kind], `${path}.${kind}`) }))
    for (const [i, { kind }] of extractors.entries()) this.#paths.set(`${path}.extractors[${i}]`, `${path}.${kind}`)
    const options = { norm: unless('none', norm), residual: absentAsTrue(residual), dense: absentAsTrue(dense) }
    return given({ extractors, ...options, ...rest })
  }

  #embeddings({ norm, bound, decorrelation, ...rest }: Json): Json {
    this.#paths.set('embeddings.norm.kind', 'embeddings.norm').set('embeddings.norm.largest', 'embeddings.bound')
    const own = norm === 'bound' ? { kind: norm, largest: bound } : { kind: norm }
    return given({ ...rest, norm: norm === 'none' ? undefined : own, decorrelation: unless(0, decorrelation) })
  }

  #object(value: unknown, path: string): Json {
    if (isObject(value)) return value
    throw this.#refusal(path, value === undefined ? 'is missing' : 'is no object')
  }

  #refusal(path: string, reason: string): ModelConfigError {
    return new ModelConfigError(
      this.#source,
      path,
      `${reason}, so that the config cannot be translated`,
      'write user.tokens in place of user.bags, user.dense and user.sequence, and extractors in each level',
    )
  }
}

/** Whether a config as JSON is of the older form. */
export function isOldForm(json: unknown): json is Json {
  const user = isObject(json) && isObject(json.user) ? json.user : {}
  return !('tokens' in user) && ['bags', 'dense', 'sequence'].some((key) => key in user)
}

/**
 * Reads a config of today's form, or one of the older form after its translation.
 * @param read of today's form
 * @throws ModelConfigError, whose path is that of the form that was given
 */
export function fromOldForm<Config>(json: unknown, source: string, read: (json: unknown) => Config): Config {
  if (!isOldForm(json)) return read(json)
  const translation = new Translation(source)
  const now = translation.config(json)
  try {
    return read(now)
  } catch (error) {
    if (!(error instanceof ModelConfigError)) throw error
    throw new ModelConfigError(source, translation.pathOf(error.path), error.reason, error.remedy)
  }
}

/**
 * Names of tensors that towers of the older form had, and that changed nothing: a mixer's number for each whole token, whose
 * effect the layer norm behind it takes off.
 */
export function idleTensors({ user }: ModelConfig): string[] {
  return user.levels.flatMap(({ extractors, norm }, k) =>
    norm === 'layer' && extractors.some(({ kind }) => kind === 'mixer')
      ? [`user.level${k + 1}.mixer.token-output.bias`]
      : [],
  )
}

/** Where a parameter lay in the runs of its tower, and where it lies in those of today's. */
export interface OlderPlace {
  readonly from: ParameterPlace
  readonly to: ParameterPlace
  readonly sizeBytes: number
}

/**
 * Where the parameters of a tower lay while it had the idle tensors, which are left out.
 * @returns bytes of each of its runs, and every parameter's place
 */
export function olderPlaces(
  { parameters }: ParameterSet,
  config: ModelConfig,
  limits: BindingLimits,
): { readonly runBytes: readonly number[]; readonly places: readonly OlderPlace[] } {
  const idle = idleTensors(config)
  const before = parameters.flatMap((parameter) => {
    const name = parameter.name.replace(/\.weight$/, '.bias')
    return idle.includes(name)
      ? [parameter, { ...parameter, name, rows: 1, cols: parameter.rows, decay: false }]
      : parameter
  })
  const [from, to] = [before, parameters].map((own) => placeParameters(own, limits))
  return {
    runBytes: from.runs.map(({ floats }) => floats * 4),
    places: parameters.map((parameter) => ({
      from: from.places.get(parameter)!,
      to: to.places.get(parameter)!,
      sizeBytes: parameter.rows * padded(parameter.cols) * 4,
    })),
  }
}
