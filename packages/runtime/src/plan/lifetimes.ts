/**
 * Memory shared by transients whose lifetimes do not touch. They lie at offsets inside a few buffers, as WebGPU lets no
 * dispatch read and write one buffer, even in different ranges: what meets so is put apart.
 */

/** When a transient is first written and last read, as positions in the list of dispatches. */
export interface Lifetime {
  readonly sizeBytes: number
  readonly first: number
  /** Infinity: still needed after the last dispatch. Then it lies at the begin of its buffer, where readers find it. */
  readonly last: number
  /** Indices of those that must lie in other buffers; each names the other. */
  readonly apart: ReadonlySet<number>
}

interface Place {
  readonly buffer: number
  /** A multiple of 256. */
  readonly offsetBytes: number
}

export interface Assignment {
  readonly places: readonly Place[]
  /** Bytes of each buffer. */
  readonly bufferBytes: readonly number[]
}

const alignmentBytes = 256
const aligned = (bytes: number) => Math.ceil(bytes / alignmentBytes) * alignmentBytes

/**
 * Greedy by size (Pisarchyk & Lee 2020, "Efficient Memory Management for Deep Neural Net Inference"), by size times length
 * of life and by first use; the one that takes the least is the result.
 * @param maxBufferBytes that no buffer may be over, but for a single transient that is
 */
export function assignMemory(lifetimes: readonly Lifetime[], maxBufferBytes: number): Assignment {
  const end =
    lifetimes.reduce((most, { first, last }) => Math.max(most, first, Number.isFinite(last) ? last : 0), 0) + 1
  const area = ({ sizeBytes, first, last }: Lifetime) => sizeBytes * (Math.min(last, end) - first + 1)
  const orders: ((a: Lifetime, b: Lifetime) => number)[] = [
    (a, b) => b.sizeBytes - a.sizeBytes,
    (a, b) => area(b) - area(a),
    (a, b) => a.first - b.first,
  ]
  return orders
    .map((order) => assignInOrder(lifetimes, order, maxBufferBytes))
    .reduce((best, other) => (total(other) < total(best) ? other : best))
}

const total = ({ bufferBytes }: Assignment) => bufferBytes.reduce((sum, bytes) => sum + bytes, 0)

function assignInOrder(
  lifetimes: readonly Lifetime[],
  compare: (a: Lifetime, b: Lifetime) => number,
  maxBufferBytes: number,
): Assignment {
  const kept = (index: number) => lifetimes[index].last === Number.POSITIVE_INFINITY
  const order = [...lifetimes.keys()].sort(
    (a, b) => Number(kept(b)) - Number(kept(a)) || compare(lifetimes[a], lifetimes[b]) || a - b,
  )
  const places = new Array<Place>(lifetimes.length)
  const bufferBytes: number[] = []
  const members: number[][] = []
  for (const index of order) {
    const lifetime = lifetimes[index]
    let best: Place | null = null
    let leastGrowth = Number.POSITIVE_INFINITY
    for (let buffer = 0; buffer < members.length && !kept(index); buffer++) {
      if (members[buffer].some((other) => lifetime.apart.has(other))) continue
      const meeting = members[buffer].filter((other) => meet(lifetime, lifetimes[other]))
      const offsetBytes = gapFor(
        lifetime.sizeBytes,
        meeting.map((other) => [places[other].offsetBytes, lifetimes[other].sizeBytes]),
      )
      const endBytes = offsetBytes + lifetime.sizeBytes
      const growth = Math.max(0, endBytes - bufferBytes[buffer])
      if (growth >= leastGrowth || endBytes > maxBufferBytes) continue
      leastGrowth = growth
      best = { buffer, offsetBytes }
    }
    if (!best) {
      best = { buffer: members.push([]) - 1, offsetBytes: 0 }
      bufferBytes.push(0)
    }
    places[index] = best
    members[best.buffer].push(index)
    bufferBytes[best.buffer] = Math.max(bufferBytes[best.buffer], best.offsetBytes + lifetime.sizeBytes)
  }
  return { places, bufferBytes }
}

const meet = (a: Lifetime, b: Lifetime) => a.first <= b.last && b.first <= a.last

/** Where `sizeBytes` fit between ranges [offset, size]: the smallest gap that is large enough, or behind the last. */
function gapFor(sizeBytes: number, taken: [number, number][]): number {
  let at = 0
  let best = -1
  let smallest = Number.POSITIVE_INFINITY
  for (const [offset, size] of taken.sort(([a], [b]) => a - b)) {
    const gap = offset - at
    if (gap >= sizeBytes && gap < smallest) {
      smallest = gap
      best = at
    }
    at = Math.max(at, aligned(offset + size))
  }
  return best < 0 ? at : best
}
