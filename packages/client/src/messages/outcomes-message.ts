/** The messages of `POST /v1/outcomes`. O outcomes of one downstream model, as columns: one entry an outcome in each list. */
import { arrayAt } from '../codec/binary.ts'
import { fieldOf, invalid, keysAt, kindOf, listAt, objectAt } from '../codec/shape.ts'
import { WireError } from '../codec/wire-error.ts'

export interface OutcomesMessage {
  /** Name of the downstream model. */
  readonly downstream: string
  /** [O] as the served log names them. An outcome of a request that was told of already is passed over. */
  readonly requests: readonly string[]
  /** [O] absent: not told. */
  readonly users?: readonly string[]
  /** [O] probabilities of the label 1, as they were served. */
  readonly predictions: readonly number[] | Float64Array
  /** [O] 0 or 1. */
  readonly labels: readonly number[] | Uint8Array
  /** [O] milliseconds since 1970. */
  readonly timesMs: readonly number[] | Float64Array
}

export interface OutcomesAnswer {
  /** Outcomes that are new. */
  readonly accepted: number
  /** Of the downstream model's last outcomes, null while their labels are all the same. */
  readonly normalizedEntropy: number | null
  /** Outcomes of the downstream model that were scored since the server's start. */
  readonly rows: number
}

/** A parsed body. */
export interface OutcomeColumns {
  readonly downstream: string
  readonly requests: readonly string[]
  readonly users: readonly string[] | null
  readonly predictions: ArrayLike<number>
  readonly labels: ArrayLike<0 | 1>
  readonly timesMs: ArrayLike<number>
}

/** Letters, digits and some signs: the name is a label of figures. */
const downstreamName = /^[\w.:-]{1,64}$/

/**
 * @param latestMs times after this are refused
 * @throws WireError `invalid_request`, `invalid_key`, `invalid_outcome`, `batch_too_large`
 */
export function parseOutcomesMessage(body: unknown, maxRows: number, latestMs: number): OutcomeColumns {
  const names = ['downstream', 'requests', 'users', 'predictions', 'labels', 'timesMs']
  const object = objectAt(body, 'the body', names)
  const downstream = fieldOf(object, 'downstream')
  if (typeof downstream !== 'string') throw invalid('downstream', `is ${kindOf(downstream)}; give a model's name`)
  if (!downstreamName.test(downstream)) {
    throw invalid('downstream', 'is no name; give 1 to 64 letters, digits, "_", ".", ":" or "-"')
  }
  const requests = keysAt(fieldOf(object, 'requests'), 'requests', maxRows)
  const given = fieldOf(object, 'users') ?? null
  const users = given === null ? null : keysAt(given, 'users', maxRows)
  if (users !== null) checkRows('users', users, requests.length)
  const column = (name: string, type: typeof Float64Array | typeof Uint8Array) =>
    columnAt(fieldOf(object, name), name, type, requests.length)
  const predictions = column('predictions', Float64Array)
  const labels = column('labels', Uint8Array)
  const timesMs = column('timesMs', Float64Array)
  for (let row = 0; row < requests.length; row++) {
    checkCell('predictions', row, predictions[row], isProbability, 'a probability between 0 and 1, neither of them')
    checkCell('labels', row, labels[row], isLabel, '0 or 1')
    checkCell('timesMs', row, timesMs[row], isTime, 'milliseconds since 1970')
    checkCell('timesMs', row, timesMs[row], (timeMs) => timeMs <= latestMs, 'a time that has come')
  }
  return {
    downstream,
    requests,
    users,
    predictions: predictions as ArrayLike<number>,
    labels: labels as ArrayLike<0 | 1>,
    timesMs: timesMs as ArrayLike<number>,
  }
}

function columnAt(
  value: unknown,
  name: string,
  type: typeof Float64Array | typeof Uint8Array,
  rows: number,
): ArrayLike<unknown> {
  if (value instanceof Uint8Array) return arrayAt<Float64Array | Uint8Array>(value, name, type, rows)
  const list = listAt(value, name, Number.POSITIVE_INFINITY)
  checkRows(name, list, rows)
  return list
}

function checkRows(name: string, { length }: readonly unknown[], rows: number): void {
  if (length !== rows) throw invalid(name, `has ${length} entries, requests has ${rows}; give one an outcome`)
}

function checkCell(
  name: string,
  row: number,
  value: unknown,
  isGood: (value: number) => boolean,
  wanted: string,
): void {
  if (typeof value === 'number' && isGood(value)) return
  const given = typeof value === 'number' ? String(value) : kindOf(value)
  throw new WireError('invalid_outcome', `${name}[${row}] is ${given}; give ${wanted}`)
}

const isProbability = (value: number) => value > 0 && value < 1
const isLabel = (value: number) => value === 0 || value === 1
const isTime = (value: number) => Math.abs(value) <= 8.64e15
