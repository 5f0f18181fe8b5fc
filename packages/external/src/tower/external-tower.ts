/**
 * A tower that was made elsewhere, in ONNX Runtime: rows of the schema's user side in, embeddings out.
 * Shape letters: R rows, J = K·D numbers of a user's embeddings.
 */
import { halvesToFloats } from '@headwater/binary16'
import {
  batchRows,
  checkNumbers,
  compileFeatures,
  type Schema,
  type SideBatch,
  type SideLayout,
} from '@headwater/features'
import type { AffineMap } from '@headwater/snapshot'
import { ExternalTowerError } from '../errors/external-tower-error.ts'
import { type BoundInput, bindInputs } from '../inputs/bind-inputs.ts'
import type { InputMap } from '../map/input-map.ts'
import type { ModelFacts } from '../model/model-facts.ts'
import { type ModelSession, openSession } from './session.ts'

/** Rows that run at once; a call of more runs in pieces. */
const pieceRows = 512

export interface TowerParts {
  /** The model's file. */
  readonly model: string
  readonly facts: ModelFacts
  readonly map: InputMap
  /** Keys by name of the vocabulary. */
  readonly keys: ReadonlyMap<string, readonly string[]>
  readonly schema: Schema
  /** To published coordinates; null where they are the model's own. */
  readonly alignment: AffineMap | null
}

/** @throws ExternalTowerError where the model, its map and the schema do not fit together, or there is no ONNX Runtime */
export async function openTower(parts: TowerParts): Promise<ExternalTower> {
  const { model, facts, map, keys, schema } = parts
  const inputs = bindInputs(model, facts, map, keys, schema)
  const session = await openSession(model, facts.opset)
  const output = map.embeddings.output ?? session.outputs[0]
  if (!session.outputs.includes(output)) {
    await session.close()
    const reason = `the model has no output "${output}"`
    throw new ExternalTowerError(
      model,
      null,
      reason,
      `name one of ${session.outputs.join(', ')} as "embeddings.output"`,
    )
  }
  return new ExternalTower(parts, inputs, session, output)
}

export class ExternalTower {
  readonly schema: Schema
  readonly layout: SideLayout
  /** J */
  readonly dim: number
  readonly model: string
  readonly inputs: readonly BoundInput[]
  readonly #output: string
  readonly #session: ModelSession
  readonly #alignment: AffineMap | null

  /** Use {@link openTower}. */
  constructor(
    { model, map, schema, alignment }: TowerParts,
    inputs: readonly BoundInput[],
    session: ModelSession,
    output: string,
  ) {
    this.model = model
    this.schema = schema
    this.layout = compileFeatures(schema).user
    this.dim = map.embeddings.count * map.embeddings.width
    this.inputs = inputs
    this.#output = output
    this.#session = session
    this.#alignment = alignment
  }

  /**
   * @returns f32 [R, J] in published coordinates
   * @throws BatchNumberError for rows with numbers that are not finite; ExternalTowerError where the model gives no finite [R, J], or
   * fails
   */
  async encode(batch: SideBatch): Promise<Float32Array> {
    checkNumbers(this.layout, batch)
    const vectors = new Float32Array(batch.rows * this.dim)
    for (let from = 0; from < batch.rows; from += pieceRows) {
      const to = Math.min(batch.rows, from + pieceRows)
      const piece = batchRows(this.layout, batch, from, to)
      const own = await this.run(new Map(this.inputs.map((input) => [input.name, input.tensor(piece)])), to - from)
      const bad = own.findIndex((value) => !Number.isFinite(value))
      if (bad >= 0)
        throw this.#fail(
          `output "${this.#output}" is ${own[bad]} in row ${from + Math.floor(bad / this.dim)}`,
          'the model must give finite numbers for every user, one without events too',
        )
      vectors.set(this.#alignment ? aligned(own, this.#alignment) : own, from * this.dim)
    }
    return vectors
  }

  /** The model's own output [rows, J], whatever numbers it holds. @throws ExternalTowerError where it fails, or gives another shape */
  async run(inputs: Parameters<ModelSession['run']>[0], rows: number): Promise<Float32Array> {
    const { type, data, dims } = await this.#session.run(inputs, this.#output).catch((cause: Error) => {
      throw this.#fail(`the model fails: ${cause.message}`, 'run it on the same rows where it was made', cause)
    })
    const isHalf = type === 'float16'
    if (type !== 'float32' && !isHalf)
      throw this.#fail(`output "${this.#output}" is ${type}, neither float32 nor float16`, 'cast it in the model')
    if (dims.length !== 2 || dims[0] !== rows || dims[1] !== this.dim)
      throw this.#fail(
        `output "${this.#output}" is [${dims.join(', ')}] for ${rows} rows, not [${rows}, ${this.dim}]`,
        'flatten it in the model, or mend "embeddings" in the map: count times width is its width',
      )
    if (!isHalf) return data as Float32Array
    // Of Node's own Float16Array where it has one.
    const { buffer, byteOffset, length } = data as Uint16Array
    return halvesToFloats(new Uint16Array(buffer, byteOffset, length))
  }

  dispose(): Promise<void> {
    return this.#session.close()
  }

  #fail(reason: string, remedy: string, cause?: unknown): ExternalTowerError {
    return new ExternalTowerError(this.model, null, reason, remedy, { cause })
  }
}

/** x W + b, summed in float64. */
function aligned(x: Float32Array, { dim, weight, bias }: AffineMap): Float32Array {
  const y = new Float32Array(x.length)
  const row = new Float64Array(dim)
  for (let at = 0; at < x.length; at += dim) {
    row.set(bias)
    for (let i = 0; i < dim; i++) {
      const value = x[at + i]
      for (let j = 0; j < dim; j++) row[j] += value * weight[i * dim + j]
    }
    y.set(row, at)
  }
  return y
}
