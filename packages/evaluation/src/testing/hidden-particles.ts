/**
 * Particle filter of one user's interests in a world with hidden item factors: what the Gaussian beliefs are held against. It shares
 * only the world with them. A particle is a path of the M K numbers of θ; a day moves them, clicks weigh them, and they are
 * drawn anew (systematic resampling) once the weights are uneven. Shape letters: N particles, L impressions of a request.
 */
import { type HiddenImpression, type HiddenWorld, hiddenEvents } from '@headwater/datasets'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { hiddenPredictions } from '../reference-world/hidden/hidden-predictions.ts'

/** What the particles know of items: their factors, or their category alone. */
type ParticleKnowledge = 'synchronous' | 'categories'

/** Predicted probabilities of the user's rows, by row. @param requests of one user, in order */
function particlePredictions(
  world: HiddenWorld,
  requests: readonly (readonly HiddenImpression[])[],
  options: { readonly knows: ParticleKnowledge; readonly particles: number; readonly random: SeededRandom },
): Map<number, number> {
  const { interests, factors } = world.setting
  const { particles: count, knows } = options
  const random = new FastRandom(options.random)
  const size = interests.length * factors
  let particles = new Float32Array(count * size)
  let spare = new Float32Array(count * size)
  const weights = new Float64Array(count).fill(1 / count)
  const effective = new Float32Array(count * factors)
  const likelihood = new Float64Array(count)
  const predictions = new Map<number, number>()
  let day = -1

  const move = (to: number) => {
    for (let m = 0; m < interests.length; m++) {
      const kept = day < 0 ? 0 : interests[m].kept ** (to - day)
      const added = Math.sqrt(1 - kept * kept) * interests[m].sd
      for (let n = 0; n < count; n++)
        for (let k = 0, at = n * size + m * factors; k < factors; k++, at++)
          particles[at] = kept * particles[at] + added * random.normal()
    }
    day = to
  }
  const resample = () => {
    let square = 0
    for (const weight of weights) square += weight * weight
    if (1 / square > count / 2) return
    let sum = 0
    let target = random.uniform() / count
    let place = 0
    for (let n = 0; n < count; n++) {
      sum += weights[n]
      for (; target < sum && place < count; target += 1 / count, place++)
        spare.set(particles.subarray(n * size, (n + 1) * size), place * size)
    }
    for (; place < count; place++) spare.set(particles.subarray((count - 1) * size), place * size)
    ;[particles, spare] = [spare, particles]
    weights.fill(1 / count)
  }

  for (const request of requests) {
    const [{ day: today, interestWeights }] = request
    if (today !== day) {
      resample()
      move(today)
    }
    for (let n = 0; n < count; n++)
      for (let k = 0; k < factors; k++) {
        let sum = 0
        for (let m = 0; m < interests.length; m++) sum += interestWeights[m] * particles[n * size + m * factors + k]
        effective[n * factors + k] = sum
      }
    likelihood.fill(1)
    for (const impression of request) {
      const chances =
        knows === 'categories' ? chancesByCategory(world, impression) : chancesByFactors(world, impression)
      let predicted = 0
      for (let n = 0; n < count; n++) {
        const p = chances(effective, n * factors)
        predicted += weights[n] * p
        likelihood[n] *= impression.clicked ? p : 1 - p
      }
      predictions.set(impression.event.row, predicted)
    }
    let total = 0
    for (let n = 0; n < count; n++) {
      weights[n] *= likelihood[n]
      total += weights[n]
    }
    for (let n = 0; n < count; n++) weights[n] /= total
    // Unevenness grows with every request, and on some days there are many.
    resample()
  }
  return predictions
}

/** Probability of a click at an interest [K] that begins at a place. */
type Chances = (interests: Float32Array, at: number) => number

function chancesByFactors({ items }: HiddenWorld, { item, offset, orderEffect }: HiddenImpression): Chances {
  const { factors } = items[item]
  const known = offset + orderEffect
  return (interests, at) => {
    let logit = known
    for (let k = 0; k < factors.length; k++) logit += interests[at + k] * factors[k]
    return 1 / (1 + Math.exp(-logit))
  }
}

/** Given the interest, the affinity with an item of which the category is known is a mixture of two normal ones. */
function chancesByCategory({ items, centers, setting }: HiddenWorld, impression: HiddenImpression): Chances {
  const { factors, categoryShare, strayShare } = setting
  const center = centers[items[impression.item].category]
  const known = impression.offset + impression.orderEffect
  return (interests, at) => {
    let [affinity, square] = [0, 0]
    for (let k = 0; k < factors; k++) {
      affinity += interests[at + k] * center[k]
      square += interests[at + k] ** 2
    }
    const variance = square / factors
    return (
      (1 - strayShare) * averageClick(known + affinity, Math.sqrt((1 - categoryShare) * variance)) +
      strayShare * averageClick(known, Math.sqrt(variance))
    )
  }
}

/** E σ(η) of η ~ N(mean, sd²), from a table, linear between its points. */
const averageClick = (() => {
  const [lowest, step, means, sds] = [-14, 0.05, 561, 161]
  const table = new Float64Array(means * sds)
  for (let s = 0; s < sds; s++)
    for (let m = 0; m < means; m++) {
      let [sum, total] = [0, 0]
      for (let z = -6; z <= 6; z += 0.1) {
        const weight = Math.exp(-z * z * 0.5)
        sum += weight / (1 + Math.exp(-(lowest + m * step + s * step * z)))
        total += weight
      }
      table[s * means + m] = sum / total
    }
  return (mean: number, sd: number): number => {
    const x = Math.min(Math.max((mean - lowest) / step, 0), means - 1.001)
    const y = Math.min(sd / step, sds - 1.001)
    const [i, j] = [Math.floor(x), Math.floor(y)]
    const [dx, dy] = [x - i, y - j]
    const at = j * means + i
    const low = table[at] + dx * (table[at + 1] - table[at])
    const high = table[at + means] + dx * (table[at + means + 1] - table[at + means])
    return low + dy * (high - low)
  }
})()

/** Billions of normal numbers: the quantiles of 65,536 parts of the normal distribution, drawn by xorshift32. */
class FastRandom {
  #state: number

  constructor(random: SeededRandom) {
    this.#state = 1 + random.nextBelow(2 ** 31)
  }

  #next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return x >>> 0
  }

  uniform(): number {
    return this.#next() / 2 ** 32
  }

  normal(): number {
    return quantiles[this.#next() >>> 16]
  }
}

const quantiles = (() => {
  const parts = 2 ** 16
  const found = new Float32Array(parts)
  // The distribution function, summed by the trapezoid rule in small steps, read at the middle of each part.
  const step = 1e-4
  let [z, sum, i] = [-6, 0, 0]
  const density = (x: number) => Math.exp(-x * x * 0.5) / Math.sqrt(2 * Math.PI)
  for (; i < parts && z < 6; z += step) {
    const more = (step * (density(z) + density(z + step))) / 2
    for (; i < parts && sum + more >= (i + 0.5) / parts; i++) found[i] = z + (step * ((i + 0.5) / parts - sum)) / more
    sum += more
  }
  return found
})()

/**
 * Mean extra log loss, in nats, of the Gaussian beliefs' predictions where those of the particles hold, over all rows from `fromDay`
 * on.
 */
export function divergenceFromParticles(
  world: HiddenWorld,
  options: { readonly fromDay: number; readonly knows: ParticleKnowledge; readonly particles: number },
): { readonly nats: number; readonly rows: number; readonly users: number } {
  const { fromDay, knows, particles } = options
  const { rows, predictions } = hiddenPredictions(world, { fromDay })
  const requestsOf = new Map<number, HiddenImpression[][]>()
  for (const impression of hiddenEvents(world)) {
    const requests = requestsOf.get(impression.user) ?? []
    requestsOf.set(impression.user, requests)
    if (impression.position === 0) requests.push([])
    requests[requests.length - 1].push(impression)
  }
  const random = seededRandom(5)
  const sampled = new Map<number, number>()
  for (const requests of requestsOf.values())
    for (const [row, p] of particlePredictions(world, requests, { knows, particles, random })) sampled.set(row, p)
  const users = [...requestsOf.values()].filter((requests) => requests[requests.length - 1][0].day >= fromDay).length
  let nats = 0
  rows.forEach((row, i) => {
    const [p, q] = [sampled.get(row)!, predictions[knows][i]]
    nats += p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q))
  })
  return { nats: nats / rows.length, rows: rows.length, users }
}
