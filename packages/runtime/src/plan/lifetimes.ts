/** When a transient is first written and last read, as positions in the list of dispatches. */
export interface Lifetime {
  readonly sizeBytes: number
  readonly first: number
  /** Infinity: still needed after the last dispatch. */
  readonly last: number
}

export interface Assignment {
  /** Slot of each lifetime. */
  readonly slots: readonly number[]
  /** Bytes of each slot. */
  readonly slotBytes: readonly number[]
}

/** Shares buffers between transients whose lifetimes do not touch: in order of first use, the free slot closest in size. */
export function assignSlots(lifetimes: readonly Lifetime[]): Assignment {
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[a].first - lifetimes[b].first || a - b)
  const slotBytes: number[] = []
  const freeAfter: number[] = []
  const slots = new Array<number>(lifetimes.length)
  for (const index of order) {
    const { sizeBytes, first, last } = lifetimes[index]
    let best = -1
    for (let slot = 0; slot < slotBytes.length; slot++) {
      if (freeAfter[slot] >= first) continue
      const distance = Math.abs(slotBytes[slot] - sizeBytes)
      if (best < 0 || distance < Math.abs(slotBytes[best] - sizeBytes)) best = slot
    }
    if (best < 0) best = slotBytes.push(0) - 1
    slotBytes[best] = Math.max(slotBytes[best], sizeBytes)
    freeAfter[best] = last
    slots[index] = best
  }
  return { slots, slotBytes }
}
