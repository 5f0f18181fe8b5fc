/**
 * States as the store holds them: the bytes that features are made of, then the hashes of the last events' ids, eight bytes
 * each, oldest first. Where no event had an id there are none of these.
 */
import { type FeatureSpace, murmur3 } from '@headwater/features'

/** Ids kept of a user, and of an item. */
export const keptIds = 64
const idBytes = 8
/** Of the two hashes, which share nothing. */
const seeds = [0x1d5eed, 0x7ea4c1] as const

/** A state's parts, copied from what the store gave. */
export interface IngestState {
  readonly features: Uint8Array
  readonly ids: EventIds
}

/** @param stored undefined: none yet */
export function userStateOf(space: FeatureSpace, stored: Uint8Array | undefined): IngestState {
  if (stored === undefined) return { features: space.newUserState(), ids: new EventIds() }
  const features = userFeatures(space, stored)
  return { features, ids: new EventIds(stored.subarray(features.length)) }
}

/** @param stored undefined: none yet */
export function itemStateOf(space: FeatureSpace, stored: Uint8Array | undefined): IngestState {
  if (stored === undefined) return { features: space.newItemState(), ids: new EventIds() }
  const features = featuresIn(stored, space.itemStateBytes)
  return { features, ids: new EventIds(stored.subarray(features.length)) }
}

/** What rows of a user are made of, in this version's form; a state that is none is given as it is. */
export function userFeatures(space: FeatureSpace, stored: Uint8Array): Uint8Array {
  const { userStateBytes } = space
  if (stored.length >= userStateBytes) return featuresIn(stored, userStateBytes)
  try {
    return space.currentUserState(stored)
  } catch {
    // It is refused, with the reason, where it is used.
    return stored
  }
}

export function storedState({ features, ids }: IngestState): Uint8Array {
  const { bytes } = ids
  if (bytes.length === 0) return features
  const stored = new Uint8Array(features.length + bytes.length)
  stored.set(features)
  stored.set(bytes, features.length)
  return stored
}

/** What an item keeps of an event: users name their own events, so another's may have the same id. */
export function itemEventId(user: string, id: string): string {
  return `${user}\0${id}`
}

function featuresIn(stored: Uint8Array, sizeBytes: number): Uint8Array {
  const idsLength = stored.length - sizeBytes
  const isWhole = idsLength % idBytes === 0 && idsLength >= 0 && idsLength <= keptIds * idBytes
  return isWhole ? stored.subarray(0, sizeBytes) : stored
}

class EventIds {
  bytes: Uint8Array

  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.bytes = bytes
  }

  /** Whether the oldest has been left out, or is the next to be. */
  get isFull(): boolean {
    return this.bytes.length === keptIds * idBytes
  }

  has(id: string): boolean {
    const hash = hashOf(id)
    const ids = this.bytes
    // The newest are looked for most.
    for (let at = ids.length - idBytes; at >= 0; at -= idBytes) {
      let i = 0
      while (i < idBytes && ids[at + i] === hash[i]) i++
      if (i === idBytes) return true
    }
    return false
  }

  add(id: string): void {
    const kept = this.isFull ? this.bytes.subarray(idBytes) : this.bytes
    const bytes = new Uint8Array(kept.length + idBytes)
    bytes.set(kept)
    bytes.set(hashOf(id), kept.length)
    this.bytes = bytes
  }
}

const hash = new Uint8Array(idBytes)
const words = new DataView(hash.buffer)

/** Valid until the next call. */
function hashOf(id: string): Uint8Array {
  words.setUint32(0, murmur3(id, seeds[0]), true)
  words.setUint32(4, murmur3(id, seeds[1]), true)
  return hash
}
