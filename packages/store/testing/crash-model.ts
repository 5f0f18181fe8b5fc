import { createReadBuffer, type EmbeddingStore } from '../src/index.ts'
import { crashDim, crashItems, crashModel, crashUsers, operationOf, timeOf } from './crash-operations.ts'

interface HeldUser {
  /** Operation of the newest embedding, 0 for none, as for `state`. */
  ring: number
  /** Time of its features. */
  ringMs: number
  state: number
  events: number[]
  forgottenMs: number
}

const nothing = { ring: 0, ringMs: -Infinity, state: 0 }

/** What a store must hold after the operations of a seed, by arrays and nothing of the store's own. */
export class CrashModel {
  readonly #seed: number
  readonly #users: HeldUser[] = crashUsers.map(() => ({ ...nothing, events: [], forgottenMs: -Infinity }))
  readonly #items = crashItems.map(() => 0)
  /** The last operation that was taken in. */
  done = 0

  constructor(seed: number) {
    this.#seed = seed
  }

  advance(): void {
    const n = ++this.done
    const operation = operationOf(this.#seed, n)
    if (operation.kind === 'forget') {
      const user = this.#users[operation.user]
      Object.assign(user, { ...nothing, events: [], forgottenMs: Math.max(user.forgottenMs, timeOf(n)) })
    } else if (operation.kind === 'states') {
      const user = this.#users[operation.user]
      if (user.forgottenMs >= operation.timeMs) return
      user.state = n
      this.#items[operation.item] = n
    } else {
      for (const user of operation.users.map((u) => this.#users[u])) {
        if (user.forgottenMs >= operation.timeMs) continue
        if (operation.kind === 'events') user.events = [...user.events, n].slice(-256)
        // Earlier features than a ring's do not come in front of it, though each operation is a later snapshot.
        else if (user.ringMs <= operation.timeMs) Object.assign(user, { ring: n, ringMs: operation.timeMs })
      }
    }
  }

  /** To be compared with `heldBy` a store. */
  held(): string {
    const users = this.#users.map(({ ring, state, events, forgottenMs }) => [ring, state, events, String(forgottenMs)])
    return JSON.stringify([users, this.#items])
  }
}

/** All that a store holds of the crash rounds' users and items, as text. */
export async function heldBy(store: EmbeddingStore): Promise<string> {
  const buffer = createReadBuffer(crashUsers.length, [{ model: crashModel, dim: crashDim, latest: true }])
  await store.read({ users: crashUsers, models: [{ model: crashModel }] }, buffer)
  const { snapshot, latest } = buffer.models[0]
  const numberOf = (bytes: Uint8Array | undefined) =>
    bytes === undefined ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  const states = (await store.readStates('user', crashUsers)).states.map(numberOf)
  const items = (await store.readStates('item', crashItems)).states.map(numberOf)
  const events = await store.readEvents(crashUsers)
  const forgotten = await store.forgottenAtMs(crashUsers)
  const users = crashUsers.map((_, u) => {
    // The vector tells of its operation too, where it is whole.
    const vector = latest!.subarray(u * crashDim, (u + 1) * crashDim)
    const ring = vector.every((value) => value === snapshot[u] % 1_000) ? snapshot[u] : -1
    const ofUser = events.payloads.slice(events.offsets[u], events.offsets[u + 1]).map(numberOf)
    return [ring, states[u], ofUser, String(forgotten[u])]
  })
  return JSON.stringify([users, items])
}
