/** The map of a model's inputs: how each is made of a user's row. JSON, declared here once; types and checks follow. */
import Type, { type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { ExternalTowerError } from '../errors/external-tower-error.ts'

const closed = { additionalProperties: false }
const name = Type.String({ minLength: 1, maxLength: 512 })
const row = Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 })
const size = Type.Integer({ minimum: 1, maximum: 65_536 })

const part = Type.Enum(['hour', 'weekday'])

/** Rows of a table that keys are looked up in. Without a vocabulary the schema's hashed buckets are given as they are. */
const rows = {
  vocabulary: Type.Optional(name),
  /** Where there is no value, or no event. Default 0. */
  padding: Type.Optional(row),
  /** With a vocabulary: of a key that it does not have. Default 1. */
  unknown: Type.Optional(row),
  /** With a vocabulary: of its first key. Default 2. */
  first: Type.Optional(row),
}

/** By `from`. */
const sources = {
  /** Dense columns as the schema encodes them, in this order: [R, names]. */
  columns: Type.Object({ from: Type.Literal('columns'), names: Type.Array(name, { minItems: 1 }) }, closed),
  /** A float or vector field of the user as it came, without center and scale: [R], or [R, size]. */
  field: Type.Object({ from: Type.Literal('field'), name, missing: Type.Optional(Type.Number()) }, closed),
  /** An id or ids field of the user: [R, maxValues], an id also [R]. */
  ids: Type.Object({ from: Type.Literal('ids'), name, ...rows }, closed),
  /** How many values an ids field has, 1 where it is missing: [R]. */
  'ids-count': Type.Object({ from: Type.Literal('ids-count'), name }, closed),
  /** Items of the last events: [R, last]. */
  'event-items': Type.Object({ from: Type.Literal('event-items'), ...rows }, closed),
  /** A category of the last events: [R, last]. */
  'event-category': Type.Object({ from: Type.Literal('event-category'), name, ...rows }, closed),
  /** The sequence's outcome as it came: [R, last]. */
  'event-value': Type.Object(
    { from: Type.Literal('event-value'), missing: Type.Optional(Type.Number()), padding: Type.Optional(Type.Number()) },
    closed,
  ),
  /** Time from each event to the moment as of which the user is encoded: [R, last]. `log`: log(1 + seconds) ÷ 16. */
  'event-age': Type.Object(
    {
      from: Type.Literal('event-age'),
      unit: Type.Optional(Type.Enum(['s', 'h', 'd', 'log'])),
      padding: Type.Optional(Type.Number()),
    },
    closed,
  ),
  /** All channels of the sequence as the schema encodes them: [R, last, channels]. */
  'event-channels': Type.Object({ from: Type.Literal('event-channels') }, closed),
  /** The hour, 0 to 23, or the weekday, Sunday being 0, of the moment as of which the user is encoded: [R]. */
  calendar: Type.Object({ from: Type.Literal('calendar'), name: part, first: Type.Optional(row) }, closed),
  /** The same of the last events: [R, last]. */
  'event-calendar': Type.Object(
    { from: Type.Literal('event-calendar'), name: part, first: Type.Optional(row), padding: Type.Optional(row) },
    closed,
  ),
  /** 1 where there is an event, or with `of: "padding"` where there is none: [R, last]. */
  'event-mask': Type.Object(
    { from: Type.Literal('event-mask'), of: Type.Optional(Type.Enum(['events', 'padding'])) },
    closed,
  ),
  /** How many of the last events there are: [R]. */
  'event-count': Type.Object({ from: Type.Literal('event-count') }, closed),
} as const

export type InputSource = { [Kind in keyof typeof sources]: Static<(typeof sources)[Kind]> }[keyof typeof sources]
export type SourceKind = InputSource['from']
export type SourceOf<Kind extends SourceKind> = Extract<InputSource, { from: Kind }>

/** Keys in a file, a JSON list or a line each; or those of the log, the most frequent first, equally frequent ones in the order of their code units. */
const FileVocabulary = Type.Object({ file: name }, closed)
const LogVocabulary = Type.Object(
  {
    /** `item`, or a field. */
    log: name,
    /** Fewest occurrences. Default 1. */
    atLeast: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Most keys. */
    most: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 24 })),
  },
  closed,
)
export type VocabularySource = Static<typeof FileVocabulary> | Static<typeof LogVocabulary>

const Root = Type.Object(
  {
    version: Type.Literal(1),
    /** Which output is K·D numbers a row. `output`: the model's first by default. */
    embeddings: Type.Object({ output: Type.Optional(name), count: size, width: size }, closed),
    /** Which events the inputs of events have. */
    events: Type.Optional(
      Type.Object(
        {
          last: Type.Integer({ minimum: 1, maximum: 4096 }),
          order: Type.Optional(Type.Enum(['oldest-first', 'newest-first'])),
          /** On which side places without an event are. */
          pad: Type.Optional(Type.Enum(['end', 'start'])),
        },
        closed,
      ),
    ),
    vocabularies: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    /** By name of the model's input. */
    inputs: Type.Record(Type.String(), Type.Unknown()),
  },
  closed,
)

export interface InputMap extends Omit<Static<typeof Root>, 'vocabularies' | 'inputs'> {
  readonly vocabularies: Readonly<Record<string, VocabularySource>>
  readonly inputs: Readonly<Record<string, InputSource>>
}

const compiledSources = new Map<string, { Check(value: unknown): boolean; Errors(value: unknown): Problem[] }>(
  Object.entries(sources).map(([kind, schema]) => [kind, Compile(schema as TSchema)]),
)
const compiled = { root: Compile(Root), file: Compile(FileVocabulary), log: Compile(LogVocabulary) }

interface Problem {
  readonly instancePath: string
  readonly message: string
}

/** A snapshot has a file of the name. */
const vocabularyName = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/

const kinds = Object.keys(sources).join(', ')

/** @param source file that it came from @throws ExternalTowerError naming the input */
export function parseInputMap(json: unknown, source: string): InputMap {
  const fail = (input: string | null, reason: string, remedy: string) =>
    new ExternalTowerError(source, input, reason, remedy)
  // A key that is not declared is what a closed object calls a false schema.
  const told = ([{ instancePath, message }]: readonly Problem[]) =>
    `${instancePath || 'it'} ${message === 'schema is false' ? 'is no key of it' : message}`
  if (!compiled.root.Check(json))
    throw fail(
      null,
      told(compiled.root.Errors(json)),
      '`headwater snapshots import --propose` writes a map to begin with',
    )
  const inputs: Record<string, InputSource> = {}
  for (const [input, one] of Object.entries(json.inputs)) {
    const kind = (one as { from?: unknown } | null)?.from
    const check = typeof kind === 'string' ? compiledSources.get(kind) : undefined
    if (one === null) throw fail(input, 'is not mapped yet', `give what it is made of: ${kinds}`)
    if (check === undefined) throw fail(input, `"from" is ${JSON.stringify(kind)}`, `use one of ${kinds}`)
    if (!check.Check(one)) throw fail(input, told(check.Errors(one)), `see the keys of "${kind}" in docs/external.md`)
    inputs[input] = one as InputSource
  }
  const vocabularies: Record<string, VocabularySource> = {}
  for (const [vocabulary, one] of Object.entries(json.vocabularies ?? {})) {
    if (!vocabularyName.test(vocabulary))
      throw fail(null, `vocabulary "${vocabulary}" has no plain name`, 'give 1 to 64 letters, digits, "_" or "-"')
    const check = Object.hasOwn((one ?? {}) as object, 'log') ? compiled.log : compiled.file
    if (!check.Check(one))
      throw fail(
        null,
        `vocabulary "${vocabulary}": ${told(check.Errors(one))}`,
        'give {"file": PATH} or {"log": FIELD}',
      )
    vocabularies[vocabulary] = one as VocabularySource
  }
  for (const [input, one] of Object.entries(inputs))
    if ('vocabulary' in one && one.vocabulary !== undefined && !Object.hasOwn(vocabularies, one.vocabulary))
      throw fail(input, `there is no vocabulary "${one.vocabulary}"`, 'describe it under "vocabularies"')
  return { ...json, vocabularies, inputs }
}
