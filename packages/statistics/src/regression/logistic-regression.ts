/**
 * Logistic regression with a ridge penalty, fitted by iteratively reweighted least squares (Newton's method; Hastie,
 * Tibshirani and Friedman 2009, 4.4.1): least Σ_r log(1 + e^(∓η_r)) + λ/2 ‖β‖² with η = z β, z ones and the columns,
 * standardized over the rows. The penalty leaves one minimum, a finite one, also where columns separate the classes, where
 * there is one class alone, and where columns are constant or combinations of others.
 * Shape letters: R rows, C columns.
 */
import { CholeskyDecomposition, EigenvalueDecomposition, Matrix } from 'ml-matrix'

/** λ, a prior of one row's weight or so on each standardized column. */
const penalty = 1

/** Newton's decrement, in nats over all rows, below which nothing is gained by going on. */
const tolerance = 1e-2
const mostSteps = 50
const mostHalvings = 30
/** Part of what the step would bring if the loss were quadratic that it must bring (Armijo 1966). */
const sufficient = 1e-4
/** Part of its decrement that a step must leave behind for its curvature to serve the next. */
const slow = 0.25
/** Eigenvalues of the correlations below it are rounding. */
const leastEigenvalue = 1e-6

/** What there is to know of a fit before its weights are trusted one by one. */
export interface FitReport {
  /** Columns that say something of their own: fewer than C where some are constant or combinations of others. */
  readonly rank: number
  /** Whether it errs on none of them: the columns separate the classes, and only the penalty ends the weights' growth. */
  readonly isSeparable: boolean
}

export class LogisticRegression {
  readonly #columns: number
  #intercept = 0
  /** Of the columns as they are, [C]. */
  #slopes: Float64Array
  /** [R, 1 + C], with room for more. */
  #z = new Float32Array(0)
  #curvature: Curvature | null = null

  /** @param columns C */
  constructor(columns: number) {
    this.#columns = columns
    this.#slopes = new Float64Array(columns)
  }

  /** Logit of a row whose C values begin at place `at`; 0 before the first fit. */
  logit(values: Float32Array, at: number): number {
    let logit = this.#intercept
    for (let c = 0; c < this.#columns; c++) logit += this.#slopes[c] * values[at + c]
    return logit
  }

  /**
   * Fits the first `rows` rows anew. It begins at the last weights and steps by the last curvature, for so many rows, as long as that brings
   * it on: this saves most of the time and changes nothing else.
   * @param values [≥ R, C] @param labels 0/1 [≥ R]
   */
  fit(values: Float32Array, labels: Uint8Array, rows: number): void {
    const { mean, scale } = this.#standardize(values, rows)
    const z = this.#z
    let beta = new Float64Array(1 + this.#columns)
    beta[0] = this.logit(Float32Array.from(mean), 0)
    for (const [c, slope] of this.#slopes.entries()) beta[1 + c] = scale[c] === 0 ? 0 : slope / scale[c]
    let now = descent(z, labels, rows, beta)
    let curvature = this.#curvature
    let before = Number.POSITIVE_INFINITY
    for (let step = 0; step < mostSteps; step++) {
      const isFresh = curvature === null
      curvature ??= { of: new CholeskyDecomposition(secondDerivatives(z, rows, beta)), rows }
      const { direction, decrement } = newtonStep(curvature, now.gradient, rows)
      if (!(decrement > tolerance)) break
      if (!isFresh && decrement > slow * before) {
        curvature = null
        continue
      }
      let length = 1
      let next = stepped(beta, direction, length)
      let then = descent(z, labels, rows, next)
      // Far from the minimum a whole step may overshoot.
      for (let i = 0; i < mostHalvings && then.loss > now.loss - length * sufficient * decrement; i++) {
        length /= 2
        next = stepped(beta, direction, length)
        then = descent(z, labels, rows, next)
      }
      if (then.loss < now.loss) {
        beta = next
        now = then
        before = decrement
      } else if (isFresh) break
      else curvature = null
    }
    this.#curvature = curvature
    this.#slopes = scale.map((own, c) => own * beta[1 + c])
    this.#intercept = beta[0] - this.#slopes.reduce((sum, slope, c) => sum + slope * mean[c], 0)
  }

  /** Of the last weights on rows that they were fitted to. */
  report(values: Float32Array, labels: Uint8Array, rows: number): FitReport {
    this.#standardize(values, rows)
    const gram = products(this.#z, rows, 1 + this.#columns, () => 1 / rows).subMatrix(
      1,
      this.#columns,
      1,
      this.#columns,
    )
    const { realEigenvalues } = new EigenvalueDecomposition(gram, { assumeSymmetric: true })
    let isSeparable = true
    for (let r = 0; r < rows && isSeparable; r++)
      isSeparable = this.logit(values, r * this.#columns) > 0 === (labels[r] === 1)
    return { rank: realEigenvalues.filter((own) => own > leastEigenvalue).length, isSeparable }
  }

  /** Fills z. A constant column is 0 there, and has a scale of 0. */
  #standardize(values: Float32Array, rows: number) {
    const C = this.#columns
    const mean = new Float64Array(C)
    const variance = new Float64Array(C)
    for (let at = 0, r = 0; r < rows; r++) for (let c = 0; c < C; c++) mean[c] += values[at++]
    for (let c = 0; c < C; c++) mean[c] /= rows
    for (let at = 0, r = 0; r < rows; r++)
      for (let c = 0; c < C; c++) {
        const off = values[at++] - mean[c]
        variance[c] += off * off
      }
    for (let c = 0; c < C; c++) variance[c] /= rows
    // Rounding leaves a constant column a deviation.
    const scale = variance.map((own, c) => (Math.sqrt(own) > 1e-6 * Math.abs(mean[c]) ? 1 / Math.sqrt(own) : 0))
    if (this.#z.length < rows * (1 + C)) this.#z = new Float32Array(2 * rows * (1 + C))
    const z = this.#z
    for (let at = 0, to = 0, r = 0; r < rows; r++) {
      z[to++] = 1
      for (let c = 0; c < C; c++) z[to++] = (values[at++] - mean[c]) * scale[c]
    }
    return { mean, scale }
  }
}

const stepped = (beta: Float64Array, direction: readonly number[], length: number) =>
  beta.map((own, i) => own + length * direction[i])

/** Second derivatives of the loss over so many rows. */
interface Curvature {
  readonly of: CholeskyDecomposition
  readonly rows: number
}

/** The step to where the loss would be least if it were quadratic, of `rows` rows like the curvature's, and twice what that would bring. */
function newtonStep(curvature: Curvature, gradient: Float64Array, rows: number) {
  const share = curvature.rows / rows
  const direction = curvature.of
    .solve(Matrix.columnVector(gradient))
    .to1DArray()
    .map((own) => share * own)
  return { direction, decrement: direction.reduce((sum, own, i) => sum + own * gradient[i], 0) }
}

function dot(z: Float32Array, at: number, beta: Float64Array): number {
  let sum = 0
  for (let j = 0; j < beta.length; j++) sum += z[at + j] * beta[j]
  return sum
}

/** The loss with its penalty, and its downhill gradient [1 + C]. */
function descent(z: Float32Array, labels: Uint8Array, rows: number, beta: Float64Array) {
  const width = beta.length
  const gradient = beta.map((own) => -penalty * own)
  let loss = (penalty / 2) * beta.reduce((sum, own) => sum + own * own, 0)
  for (let at = 0, r = 0; r < rows; r++, at += width) {
    const eta = dot(z, at, beta)
    const miss = labels[r] === 1 ? -eta : eta
    loss += miss > 0 ? miss + Math.log1p(Math.exp(-miss)) : Math.log1p(Math.exp(miss))
    const error = labels[r] - 1 / (1 + Math.exp(-eta))
    for (let j = 0; j < width; j++) gradient[j] += error * z[at + j]
  }
  return { loss, gradient }
}

function secondDerivatives(z: Float32Array, rows: number, beta: Float64Array): Matrix {
  const width = beta.length
  const weight = (at: number) => {
    const p = 1 / (1 + Math.exp(-dot(z, at, beta)))
    return p * (1 - p)
  }
  return products(z, rows, width, weight).add(Matrix.eye(width).mul(penalty))
}

/** Σ_r w_r z_r z_rᵀ [width, width]. @param weight of the row that begins at a place of z */
function products(z: Float32Array, rows: number, width: number, weight: (at: number) => number): Matrix {
  const lower = new Float64Array(width * width)
  for (let at = 0, r = 0; r < rows; r++, at += width) {
    const w = weight(at)
    for (let j = 0; j < width; j++) {
      const weighted = w * z[at + j]
      if (weighted === 0) continue
      for (let k = 0, to = j * width; k <= j; k++) lower[to++] += weighted * z[at + k]
    }
  }
  const all = new Matrix(width, width)
  for (let j = 0; j < width; j++)
    for (let k = 0; k <= j; k++) {
      all.set(j, k, lower[j * width + k])
      all.set(k, j, lower[j * width + k])
    }
  return all
}
