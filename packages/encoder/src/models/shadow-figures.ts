/** What two snapshots make of the same users. Shape letters: R rows, D width. */
import type { ShadowReport } from '@headwater/client'

/** Of the cosines' histogram: fine enough for snapshots that are nearly the same. */
const bins = 8_192

export type ShadowFigureValues = Omit<ShadowReport, 'snapshot' | 'sameFrame' | 'panel'>

/** Figures over all rows so far, in memory that does not grow. */
export class ShadowFigures {
  readonly #dim: number
  readonly #histogram = new Uint32Array(bins)
  #rows = 0
  #cosines = 0
  #normRatios = 0

  constructor(dim: number) {
    this.#dim = dim
  }

  /**
   * Rows whose served vector is all zeros point nowhere, and are left out.
   * @param live [R, D]
   * @param shadow [R, D]
   */
  add(live: Float32Array, shadow: Float32Array): void {
    for (let at = 0; at < live.length; at += this.#dim) {
      let dot = 0
      let liveSquare = 0
      let shadowSquare = 0
      for (let i = at; i < at + this.#dim; i++) {
        dot += live[i] * shadow[i]
        liveSquare += live[i] ** 2
        shadowSquare += shadow[i] ** 2
      }
      if (liveSquare === 0) continue
      const cosine = shadowSquare === 0 ? 0 : Math.max(-1, Math.min(1, dot / Math.sqrt(liveSquare * shadowSquare)))
      this.#rows++
      this.#cosines += cosine
      this.#normRatios += Math.sqrt(shadowSquare / liveSquare)
      this.#histogram[Math.min(bins - 1, Math.floor(((cosine + 1) / 2) * bins))]++
    }
  }

  /** NaN before the first row. */
  get values(): ShadowFigureValues {
    const rows = this.#rows
    return {
      rows,
      cosineMean: this.#cosines / rows,
      cosineP1: this.#quantile(0.01),
      normRatioMean: this.#normRatios / rows,
    }
  }

  /** Within the width of a bin. */
  #quantile(share: number): number {
    const wanted = share * this.#rows
    let below = 0
    for (let bin = 0; bin < bins; bin++) {
      const rows = this.#histogram[bin]
      if (rows > 0 && below + rows >= wanted) return (2 * (bin + (wanted - below) / rows)) / bins - 1
      below += rows
    }
    return Number.NaN
  }
}
