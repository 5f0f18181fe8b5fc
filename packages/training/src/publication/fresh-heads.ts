/**
 * Heads for towers that bring none: for each tower and task a logistic regression on a user's embeddings and the item's dense columns,
 * fitted on rows and asked about later ones. All towers have heads of the same rows, so that what differs are their embeddings.
 * Shape letters: R rows, T tasks, J numbers of a user's embeddings, F dense columns of the item.
 */
import type { FeatureSpace, SideLayout } from '@headwater/features'
import { LogisticRegression } from '@headwater/statistics'
import type { ExampleFile } from '../examples/example-file.ts'
import { weighLabels } from '../examples/known-labels.ts'
import { projectBatch } from '../examples/project-batch.ts'
import { allocateExamples } from '../examples/training-batch.ts'
import type { AskedTower } from './snapshot-tower.ts'

const pieceRows = 512

/** A tower and the features that it takes. */
export interface HeadedTower {
  readonly tower: Pick<AskedTower, 'dim' | 'encode'>
  readonly layout: SideLayout
}

export interface HeadRows {
  readonly space: FeatureSpace
  readonly examples: ExampleFile
  /** Heads are fitted to examples `from … heldBackFrom − 1`, and asked about `heldBackFrom … to − 1`. */
  readonly from: number
  readonly heldBackFrom: number
  readonly to: number
  /** Labels that are known by then count, ms since 1970. */
  readonly cutoffMs: number
}

export interface HeadAnswers {
  /** 0/1 [R, T] of the held-back rows, and what they weigh. */
  readonly labels: Uint8Array
  readonly labelWeights: Float32Array
  /** [R, T] of each tower. */
  readonly logits: readonly Float32Array[]
}

export async function askFreshHeads(towers: readonly HeadedTower[], rows: HeadRows): Promise<HeadAnswers> {
  const { space, examples, from, heldBackFrom, to, cutoffMs } = rows
  const T = space.tasks.length
  const F = space.item.dense.length
  const count = to - from
  const labels = new Uint8Array(count * T)
  const labelWeights = new Float32Array(count * T)
  const columns = towers.map(({ tower }) => new Float32Array(count * (tower.dim + F)))
  const order = Uint32Array.from({ length: count }, (_, i) => from + i)
  const into = allocateExamples(space, pieceRows)
  const delaysMs = space.tasks.map(({ delayMs }) => delayMs)
  for (let done = 0; done < count; done += pieceRows) {
    const batch = examples.read(order, done, Math.min(count, done + pieceRows), into)
    const size = batch.rows
    weighLabels(batch, delaysMs, { previousMs: Number.NEGATIVE_INFINITY, cutoffMs }, () => false)
    labels.set(batch.labels.subarray(0, size * T), done * T)
    labelWeights.set(batch.labelWeights.subarray(0, size * T), done * T)
    for (const [t, { tower, layout }] of towers.entries()) {
      const vectors = await tower.encode({ ...projectBatch(space.user, layout, batch.user), rows: size })
      const width = tower.dim + F
      for (let r = 0; r < size; r++) {
        columns[t].set(vectors.subarray(r * tower.dim, (r + 1) * tower.dim), (done + r) * width)
        columns[t].set(batch.item.dense.subarray(r * F, (r + 1) * F), (done + r) * width + tower.dim)
      }
    }
  }
  const fitted = heldBackFrom - from
  const logits = towers.map(({ tower }, i) => {
    const width = tower.dim + F
    const answers = new Float32Array((count - fitted) * T)
    for (let t = 0; t < T; t++) {
      const model = fitHead(columns[i], width, labels, labelWeights, T, t, fitted)
      for (let r = fitted; r < count; r++) answers[(r - fitted) * T + t] = model.logit(columns[i], r * width)
    }
    return answers
  })
  return { labels: labels.slice(fitted * T), labelWeights: labelWeights.slice(fitted * T), logits }
}

/** Of the first `rows` rows those whose label of task `t` is known. */
function fitHead(
  columns: Float32Array,
  width: number,
  labels: Uint8Array,
  weights: Float32Array,
  T: number,
  t: number,
  rows: number,
): LogisticRegression {
  const values = new Float32Array(rows * width)
  const known = new Uint8Array(rows)
  let size = 0
  for (let r = 0; r < rows; r++) {
    if (!(weights[r * T + t] > 0)) continue
    values.set(columns.subarray(r * width, (r + 1) * width), size * width)
    known[size++] = labels[r * T + t]
  }
  const model = new LogisticRegression(width)
  if (size > 0) model.fit(values, known, size)
  return model
}
