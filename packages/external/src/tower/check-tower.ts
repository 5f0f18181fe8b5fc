/** What a tower must stand before it becomes a snapshot: rows of real users, and every row of its tables that it may be asked for. */
import { batchRows, type SideBatch } from '@headwater/features'
import { ExternalTowerError } from '../errors/external-tower-error.ts'
import type { BoundInput, InputTensor } from '../inputs/bind-inputs.ts'
import type { ExternalTower } from './external-tower.ts'
import { newcomer } from './newcomer.ts'

/** A vocabulary that knows fewer of the keys in users' rows is another log's. */
const leastKnown = 0.05
/** Keys below which that is not judged. */
const leastKeys = 100
/** Between a row's vector alone and among others, relative to the largest number of it; kernels for one row and for many sum in different orders. */
const tolerance = 1e-3

/** What was seen of a tower. */
export interface TowerCheck {
  /** Of each input through a vocabulary, the part of the keys in users' rows that it has; null where there were none. */
  readonly known: Readonly<Record<string, number | null>>
  /** Of each of them, keys that share a hash with an earlier one and have its row. */
  readonly shared: Readonly<Record<string, number>>
}

/**
 * @param rows of real users; null where there are none
 * @throws ExternalTowerError naming the input that is at fault, where it can be told
 */
export async function checkTower(tower: ExternalTower, rows: SideBatch | null): Promise<TowerCheck> {
  const base = newcomer(tower.schema)
  const baseInputs = new Map(tower.inputs.map((input) => [input.name, input.tensor(base)]))
  await tower.encode(base)
  for (const input of tower.inputs) await checkExtremes(tower, input, baseInputs)
  const known: Record<string, number | null> = {}
  const shared: Record<string, number> = {}
  for (const { name, filler } of tower.inputs) {
    if (filler.vocabulary) shared[name] = filler.vocabulary.shared
    const found = rows && filler.coverage?.(rows)
    if (!found) continue
    known[name] = found.keys === 0 ? null : found.known / found.keys
    if (found.keys >= leastKeys && found.known < leastKnown * found.keys)
      throw failOf(tower, name)(
        `its vocabulary has ${found.known} of the ${found.keys} keys in users' rows: it is that of another log`,
        'give the vocabulary that the model was trained with on this log',
      )
  }
  if (rows) await checkRows(tower, rows, baseInputs)
  return { known, shared }
}

const failOf =
  ({ model }: ExternalTower, input: string | null) =>
  (reason: string, remedy: string, cause?: unknown) =>
    new ExternalTowerError(model, input, reason, remedy, { cause })

/** A table that is too short fails, or gives what is no number. */
async function checkExtremes(
  tower: ExternalTower,
  { name, filler, constant }: BoundInput,
  base: ReadonlyMap<string, InputTensor>,
): Promise<void> {
  for (const row of new Set(filler.extremes ?? [])) {
    const fail = failOf(tower, name)
    const remedy = `its table needs ${Math.max(...filler.extremes!) + 1} rows; mend the map or the model`
    const vector = await tower.run(new Map(base).set(name, constant(row, 1)), 1).catch((cause: Error) => {
      throw fail(`the model has no row ${row} for it (${cause.message})`, remedy, cause)
    })
    if (!vector.every(Number.isFinite))
      throw fail(`row ${row} gives ${vector.find((x) => !Number.isFinite(x))}`, remedy)
  }
}

async function checkRows(tower: ExternalTower, rows: SideBatch, base: ReadonlyMap<string, InputTensor>): Promise<void> {
  const vectors = await tower.encode(rows).catch(async (cause: unknown) => {
    if (!(cause instanceof ExternalTowerError)) throw cause
    const input = await inputAtFault(tower, rows, base)
    throw input === null ? cause : failOf(tower, input)(cause.message, 'look at what it is made of', cause)
  })
  const { dim } = tower
  const row = rows.rows - 1
  const alone = await tower.encode(batchRows(tower.layout, rows, row, row + 1))
  const among = vectors.subarray(row * dim, (row + 1) * dim)
  const most = among.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
  if (alone.some((value, j) => Math.abs(value - among[j]) > tolerance * most))
    throw failOf(tower, null)(
      "a user's vector depends on the users beside it in a batch",
      'export the model for inference (model.eval()), without statistics over the batch',
    )
}

/** The first input that alone, beside those of a newcomer, makes the model fail or give what is no number. */
async function inputAtFault(tower: ExternalTower, rows: SideBatch, base: ReadonlyMap<string, InputTensor>) {
  for (let row = 0; row < Math.min(rows.rows, 64); row++) {
    const one = batchRows(tower.layout, rows, row, row + 1)
    for (const input of tower.inputs) {
      const vector = await tower.run(new Map(base).set(input.name, input.tensor(one)), 1).catch(() => null)
      if (!vector?.every(Number.isFinite)) return input.name
    }
  }
  return null
}
