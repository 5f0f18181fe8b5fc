/**
 * Weights of a bootstrap's draws, as a function of (draw, cluster) that any language can repeat:
 *
 *   mix(x):  x ^= x >>> 16;  x *= 0x7feb352d;  x ^= x >>> 15;  x *= 0x846ca68b;  x ^= x >>> 16   (modulo 2³²)
 *   hash(draw, cluster) = mix(mix(mix(seed + way · 0x9e3779b9) + draw) + mix(cluster))           (modulo 2³²)
 *   weight = −ln((⌊hash / 2²⁰⌋ + ½) / 2¹²)
 *
 * `mix` is lowbias32 of Wellons (2018, "Prospecting for hash functions"). Weights are exponential, of mean and variance 1 (Rubin
 * 1981, "The Bayesian bootstrap"), in 2¹² steps. Unlike counts of a draw with replacement none is 0, so that a draw of few users has
 * rows, and both classes wherever the rows do. Rows that share users and items have the product of both weights (Owen and Eckles
 * 2012, "Bootstrapping data arrays of arbitrary order").
 */

const tableBits = 12

const weightOfTopBits = Float64Array.from(
  { length: 2 ** tableBits },
  (_, top) => -Math.log((top + 0.5) / 2 ** tableBits),
)

/** Bijective on 32-bit integers. @returns signed; only its bits matter */
function mix(value: number): number {
  let x = value | 0
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return x ^ (x >>> 16)
}

/** Weights of a set of clusters, draw by draw. Shape letters: C clusters. */
export class ClusterWeights {
  readonly #key: number
  /** [C] */
  readonly #mixed: Int32Array
  readonly #weights: Float64Array

  /**
   * @param clusters [C], their numbers
   * @param way 0 for users or whatever is drawn alone, 1 for what is drawn across them: number 7 of one way has nothing to do with
   * number 7 of the other
   */
  constructor(clusters: Uint32Array, seed: number, way: number) {
    this.#key = mix(seed + Math.imul(way, 0x9e3779b9))
    this.#mixed = Int32Array.from(clusters, mix)
    this.#weights = new Float64Array(clusters.length)
  }

  /** @returns [C]; the next draw overwrites them */
  of(draw: number): Float64Array {
    const ofDraw = mix(this.#key + draw)
    const mixed = this.#mixed
    const weights = this.#weights
    for (let c = 0; c < mixed.length; c++) weights[c] = weightOfTopBits[mix(ofDraw + mixed[c]) >>> (32 - tableBits)]
    return weights
  }
}
