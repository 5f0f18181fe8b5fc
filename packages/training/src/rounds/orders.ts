/** In which order examples are trained on. */
import type { SeededRandom } from '@headwater/statistics'

const blockRows = 256
const poolBlocks = 64

/**
 * A permutation of from … to − 1 that stays kind to a disk: blocks of 256 neighbours come in random order, and rows are
 * shuffled within pools of 64 blocks.
 */
export function blockShuffled(from: number, to: number, random: SeededRandom): Uint32Array {
  const blocks = Array.from({ length: Math.ceil((to - from) / blockRows) }, (_, i) => from + i * blockRows)
  random.shuffle(blocks)
  const order = new Uint32Array(to - from)
  let end = 0
  for (let i = 0; i < blocks.length; i += poolBlocks) {
    const start = end
    for (const block of blocks.slice(i, i + poolBlocks))
      for (let row = block; row < Math.min(block + blockRows, to); row++) order[end++] = row
    random.shuffle(order.subarray(start, end))
  }
  return order
}

/** The rows `fresh` and as many drawn from those before `before`, shuffled together. */
export function withReplay(fresh: Uint32Array, before: number, random: SeededRandom): Uint32Array {
  const count = fresh.length
  const order = new Uint32Array(count + (before > 0 ? count : 0))
  order.set(fresh)
  for (let i = count; i < order.length; i++) order[i] = Math.floor(random.nextFloat() * before)
  random.shuffle(order)
  return order
}
