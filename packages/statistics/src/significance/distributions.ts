/** Normal and Student's t distribution, for tests and for the effects that tests can detect. */
import { StatisticsError } from '../sample/statistics-error.ts'

/** Φ(z), to 11 digits also far in the lower tail. */
export function normalCdf(z: number): number {
  if (Number.isNaN(z)) throw new StatisticsError('z is NaN: it must be a number')
  const tail = upperTail(Math.abs(z))
  return z < 0 ? tail : 1 - tail
}

/** Chance that |Z| ≥ |z|: the two-sided p-value of an estimate z standard errors from 0. */
export function normalTwoSided(z: number): number {
  return 2 * normalCdf(-Math.abs(z))
}

/** z with Φ(z) = probability. @throws StatisticsError unless 0 < probability < 1. */
export function normalQuantile(probability: number): number {
  if (!(probability > 0 && probability < 1)) {
    throw new StatisticsError(`probability ${probability}: a normal quantile needs one between 0 and 1`)
  }
  if (probability > 0.5) return -normalQuantile(1 - probability)
  // log Φ is concave and rises: Newton's method on it climbs to the root from any start below, as this one is.
  let z = -Math.sqrt(-2 * Math.log(probability))
  for (let step = 0; step < 100; step++) {
    const below = upperTail(-z)
    const density = Math.exp(-z * z * 0.5) / Math.sqrt(2 * Math.PI)
    const move = (Math.log(probability / below) * below) / density
    z += move
    if (Math.abs(move) < 1e-14 * (1 + Math.abs(z))) break
  }
  return z
}

/** Of more degrees of freedom what is computed below has no digit left, and a normal variable differs by less than 1e-7. */
const normalFrom = 1e8

/**
 * Chance that |T| ≥ |t| of a Student's t with `freedom` degrees of freedom: I_x(ν/2, ½), x = ν/(ν + t²).
 * Of very many it is a normal variable.
 * @throws StatisticsError unless freedom > 0
 */
export function studentTwoSided(t: number, freedom: number): number {
  if (!(freedom > 0)) throw new StatisticsError(`degrees of freedom ${freedom}: it must be above 0`)
  if (Number.isNaN(t)) throw new StatisticsError('t is NaN: it must be a number')
  if (!Number.isFinite(t)) return 0
  if (freedom > normalFrom) return normalTwoSided(t)
  return incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
}

/**
 * The t that |T| of a Student's t with `freedom` degrees of freedom reaches with chance `tail`, by halving.
 * @throws StatisticsError unless freedom > 0 and 0 < tail < 1
 */
export function studentReach(tail: number, freedom: number): number {
  if (!(tail > 0 && tail < 1)) throw new StatisticsError(`tail ${tail}: it must be between 0 and 1`)
  let [low, high] = [0, 1]
  while (studentTwoSided(high, freedom) > tail) [low, high] = [high, 2 * high]
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (studentTwoSided(middle, freedom) > tail) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** 1 − Φ(z) for z ≥ 0: a series near 0, a continued fraction further out (Abramowitz and Stegun 7.1.6, 26.2.14). */
function upperTail(z: number): number {
  const density = Math.exp(-z * z * 0.5) / Math.sqrt(2 * Math.PI)
  if (z < 2.5) {
    let term = z
    let sum = z
    for (let k = 1; term > sum * 1e-17; k++) {
      term *= (z * z) / (2 * k + 1)
      sum += term
    }
    return 0.5 - density * sum
  }
  let fraction = z
  for (let k = 200; k >= 1; k--) fraction = z + k / fraction
  return density / fraction
}

/** Regularized incomplete beta function I_x(a, b), by its continued fraction (Press et al., Numerical Recipes, 6.4). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast below the mean only.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a
  let c = 1
  let d = 1 / (1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / (1 + even * d)
    c = 1 + even / c
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / (1 + odd * d)
    c = 1 + odd / c
    fraction *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return front * fraction
}

/** log Γ(x), x > 0: Stirling's series once x is large enough, reached by Γ(x + 1) = x Γ(x). */
function logGamma(x: number): number {
  let shift = 0
  let y = x
  for (; y < 12; y++) shift += Math.log(y)
  const inverse = 1 / (y * y)
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / y
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series - shift
}
