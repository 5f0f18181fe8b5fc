/**
 * A model of a log with hidden item factors that is given these factors and the parts of the week, and learns all else in one pass: what
 * a tower that has found the factors could do. It reads events alone; the world's parameters, interests and bundles stay unknown to it.
 * Shape letters: K factors, N numbers of a user's memory.
 */
import { type HiddenWorld, hiddenEvents } from '@headwater/datasets'
import type { LogEvent } from '@headwater/features'

type Inputs = readonly (readonly [name: string, value: number])[]

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z))
const logLoss = (z: number, clicked: boolean): number => Math.log1p(Math.exp(clicked ? -z : z))

/** Logistic regression, learnt row by row by AdaGrad (Duchi, Hazan and Singer 2011). */
class Regression {
  readonly #weights = new Map<string, { weight: number; squares: number }>()
  readonly #first: Readonly<Record<string, number>>

  /** @param first weights to begin with, where not 0 */
  constructor(first: Readonly<Record<string, number>> = {}) {
    this.#first = first
  }

  logit(inputs: Inputs): number {
    let sum = 0
    for (const [name, value] of inputs) sum += this.#of(name).weight * value
    return sum
  }

  learn(inputs: Inputs, error: number): void {
    for (const [name, value] of inputs) {
      const own = this.#of(name)
      const gradient = error * value
      own.squares += gradient * gradient
      own.weight += (0.1 * gradient) / Math.sqrt(own.squares)
    }
  }

  #of(name: string) {
    let own = this.#weights.get(name)
    if (own === undefined) {
      own = { weight: this.#first[name] ?? 0, squares: 1e-2 }
      this.#weights.set(name, own)
    }
    return own
  }
}

interface Prior {
  /** Standard deviation of an interest, and the part of its variance that a part of the week has for itself. */
  readonly sd: number
  readonly ownShare: number
  /** Correlation from one day to the next. */
  readonly kept: number
}

/** What is tried; each day goes by the one that has lost least until then. */
const priors: readonly Prior[] = [1, 1.6].flatMap((sd) =>
  [0.93, 0.97, 0.99].flatMap((kept) => [0.15, 0.4].map((ownShare) => ({ sd, kept, ownShare }))),
)

/** Logistic regressions of one user each on what was shown, with a normal prior and the update of an extended Kalman filter. */
class Memory {
  loss = 0
  readonly #kept: number
  readonly #variances: Float64Array
  readonly #users = new Map<string, { readonly mean: Float64Array; readonly covariance: Float64Array; day: number }>()

  constructor(factors: number, { sd, ownShare, kept }: Prior) {
    const [common, own] = [(1 - ownShare) * sd ** 2, ownShare * sd ** 2]
    this.#kept = kept
    // An intercept, an interest at all times, and one more for each of three parts of the week.
    this.#variances = Float64Array.from({ length: 1 + 4 * factors }, (_, i) =>
      i === 0 ? 0.1 : i <= factors ? common : own,
    )
  }

  /** The interest in what `shown` [N] describes, and P · shown [N]. */
  look(user: string, day: number, shown: Float64Array) {
    const state = this.#stateOf(user, day)
    const { length } = shown
    const gain = new Float64Array(length)
    let [mean, variance] = [0, 0]
    for (let i = 0; i < length; i++) {
      for (let j = 0; j < length; j++) gain[i] += state.covariance[i * length + j] * shown[j]
      mean += state.mean[i] * shown[i]
      variance += gain[i] * shown[i]
    }
    return { state, gain, mean, variance }
  }

  /** @param offset logit of the rest */
  learn({ state, gain, mean, variance }: ReturnType<Memory['look']>, offset: number, clicked: boolean): void {
    const p = sigmoid(offset + mean)
    const slope = p * (1 - p)
    const step = ((clicked ? 1 : 0) - p) / (1 + slope * variance)
    const shrink = slope / (1 + slope * variance)
    const { length } = gain
    for (let i = 0; i < length; i++) {
      state.mean[i] += gain[i] * step
      for (let j = 0; j < length; j++) state.covariance[i * length + j] -= shrink * gain[i] * gain[j]
    }
  }

  #stateOf(user: string, day: number) {
    const variances = this.#variances
    const { length } = variances
    let state = this.#users.get(user)
    if (state === undefined) {
      state = { mean: new Float64Array(length), covariance: new Float64Array(length ** 2), day }
      for (let i = 0; i < length; i++) state.covariance[i * length + i] = variances[i]
      this.#users.set(user, state)
    }
    const kept = this.#kept ** (day - state.day)
    if (kept === 1) return state
    for (let i = 0; i < length; i++) {
      state.mean[i] *= kept
      for (let j = 0; j < length; j++) state.covariance[i * length + j] *= kept ** 2
      state.covariance[i * length + i] += (1 - kept ** 2) * variances[i]
    }
    state.day = day
    return state
  }
}

/** Clicks of a user's session by category: it ends where nothing comes for half an hour. */
class Sessions {
  readonly #sessions = new Map<string, { timeMs: number; clicks: Map<string, number> }>()

  clicksOf({ user, timeMs }: LogEvent): Map<string, number> {
    let session = this.#sessions.get(user)
    if (session === undefined || timeMs - session.timeMs > 1_800_000) {
      session = { timeMs, clicks: new Map() }
      this.#sessions.set(user, session)
    }
    session.timeMs = timeMs
    return session.clicks
  }
}

/** Predicted probabilities of the rows of days from `fromDay` on, in the log's order. */
export function factorModelPredictions(world: HiddenWorld, { fromDay }: { readonly fromDay: number }): number[] {
  const { factors } = world.setting
  const memories = priors.map((prior) => new Memory(factors, prior))
  const sessions = new Sessions()
  const regression = new Regression({ interest: 1 })
  const predictions: number[] = []
  let [day, best] = [-1, 0]

  const predict = (event: LogEvent, itemFactors: Float64Array) => {
    const [category, , age, popularity, position, label] = event.values
    const time = new Date(event.timeMs)
    const [hour, weekday] = [time.getUTCHours(), time.getUTCDay()]
    const part = weekday % 6 === 0 ? 3 : hour >= 18 || hour < 4 ? 2 : 1
    const rest: Inputs = [
      [event.item, 1],
      [category as string, 1],
      [position as string, 1],
      [`hour ${hour}`, 1],
      [`weekday ${weekday}`, 1],
      ['popularity', popularity as number],
      ['age', Math.log1p(age as number)],
      ['tired', sessions.clicksOf(event).get(category as string) ?? 0],
    ]
    const shown = new Float64Array(1 + 4 * factors)
    shown[0] = 1
    shown.set(itemFactors, 1)
    shown.set(itemFactors, 1 + part * factors)
    const offset = regression.logit(rest)
    const looks = memories.map((memory) => memory.look(event.user, day, shown))
    // What is not known of an interest draws the logit to 0 (MacKay 1992).
    const interests = looks.map(
      ({ mean, variance }) => (offset + mean) / Math.sqrt(1 + (Math.PI / 8) * variance) - offset,
    )
    const inputs: Inputs = [...rest, ['interest', interests[best]]]
    const z = regression.logit(inputs)
    return { event, clicked: label === 1, category: category as string, inputs, shown, offset, interests, z }
  }
  const learn = ({ event, clicked, category, inputs, shown, offset, interests, z }: ReturnType<typeof predict>) => {
    regression.learn(inputs, (clicked ? 1 : 0) - sigmoid(z))
    memories.forEach((memory, i) => {
      memory.loss += logLoss(offset + interests[i], clicked)
      memory.learn(memory.look(event.user, day, shown), offset, clicked)
    })
    const clicks = sessions.clicksOf(event)
    if (clicked) clicks.set(category, (clicks.get(category) ?? 0) + 1)
  }

  let request: ReturnType<typeof predict>[] = []
  for (const impression of hiddenEvents(world)) {
    if (impression.day !== day) {
      day = impression.day
      const losses = memories.map(({ loss }) => loss)
      best = losses.indexOf(Math.min(...losses))
    }
    const predicted = predict(impression.event, world.items[impression.item].factors)
    if (day >= fromDay) predictions.push(sigmoid(predicted.z))
    request.push(predicted)
    // Those of one request are learnt when all are predicted.
    if (request.length < world.setting.positions.length) continue
    request.forEach(learn)
    request = []
  }
  return predictions
}
