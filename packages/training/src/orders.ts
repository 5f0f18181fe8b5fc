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

/** New examples newFrom … to − 1 and as many drawn from before them, shuffled together. */
export function withReplay(newFrom: number, to: number, random: SeededRandom): Uint32Array {
  const fresh = to - newFrom
  const replayed = newFrom > 0 ? fresh : 0
  const order = new Uint32Array(fresh + replayed)
  for (let i = 0; i < fresh; i++) order[i] = newFrom + i
  for (let i = 0; i < replayed; i++) order[fresh + i] = Math.floor(random.nextFloat() * newFrom)
  random.shuffle(order)
  return order
}
