/** A downstream model with settings of its own, and what it predicted. */
import { ProgressiveScore } from '@headwater/statistics'
import type { RankingSettings } from './ranking-settings.ts'
import type { DownstreamModel } from './rows.ts'

/** What is changed of a model's usual settings. */
export interface TriedSettings {
  /** Stable. */
  readonly name: string
  /** Of its learning rates. Absent: 1. */
  readonly rateFactor?: number
  /** Of a ranking model: others are not tried with it. */
  readonly ranking?: Partial<RankingSettings>
}

/** Rows of the log, `toRow` not included. */
export interface RowSpan {
  readonly fromRow: number
  readonly toRow: number
}

/** Rows that a model predicted at once: their places in the log and their labels. */
export interface PredictedRows {
  readonly rows: readonly number[]
  readonly labels: readonly number[]
}

export class TriedModel {
  readonly name: string
  readonly model: DownstreamModel
  #score = new ProgressiveScore()
  /** Whose logits the model has. */
  #predicted: { readonly of: PredictedRows; readonly isHeld: boolean }[] = []
  readonly #logits: Float32Array[] = []
  readonly #heldLogits: Float32Array[] = []
  /** Of each choice so far, the rank of what was taken. */
  readonly ranks: number[] = []

  constructor(name: string, model: DownstreamModel) {
    this.name = name
    this.model = model
  }

  /** @param isHeld whether by weights of before, which are kept apart */
  predicted(of: PredictedRows, isHeld = false): void {
    this.#predicted.push({ of, isHeld })
  }

  /** Takes what was predicted: some rows are scored, and those from `keptFrom` on are kept. */
  async collect({ fromRow, toRow }: RowSpan, keptFrom: number): Promise<void> {
    const predicted = this.#predicted
    this.#predicted = []
    const logits = await this.model.logits()
    let at = 0
    for (const { of, isHeld } of predicted) {
      const { rows, labels } = of
      const own = logits.subarray(at, at + rows.length)
      at += rows.length
      for (const [i, row] of rows.entries()) {
        if (isHeld || row < fromRow || row >= toRow) continue
        // Of a rate at which training came apart each prediction is as bad as can be.
        const probability = Number.isNaN(own[i]) ? 1 - labels[i] : 1 / (1 + Math.exp(-own[i]))
        this.#score.add(probability, labels[i])
      }
      const kept = isHeld ? this.#heldLogits : this.#logits
      kept.push(own.filter((_, i) => rows[i] >= keptFrom))
    }
  }

  /** Mean log loss of the scored rows; null where there are none. */
  get loss(): number | null {
    return this.#score.rows === 0 ? null : this.#score.meanLogLoss
  }

  /** Rows are scored as if there had been none. */
  scoreAnew(): void {
    this.#score = new ProgressiveScore()
  }

  /** Of the kept rows, in order. */
  get logits(): Float32Array {
    return joined(this.#logits)
  }

  /** Of the same rows by weights of before; empty where there were none. */
  get heldLogits(): Float32Array {
    return joined(this.#heldLogits)
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
