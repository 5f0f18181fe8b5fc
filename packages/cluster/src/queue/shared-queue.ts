/** Users that wait for a refresh by any worker, a queue each tenant and model, in the servers of the store. */
import { type ScriptCall, ScriptRunner, type ValkeyReply } from '@headwater/store'
import { queueScript } from './queue-script.ts'

export interface QueueOffer {
  readonly user: string
  /** Feature time of the embedding that is held, about; −Infinity where none is, or it is not known. */
  readonly servedMs: number
  readonly entry: string
}

export interface OfferCounts {
  readonly queued: number
  readonly coalesced: number
  readonly shed: number
}

export interface TakenEntry {
  readonly id: string
  readonly user: string
  readonly entry: string
  /** When a worker took it first, by the server's clock; as of then features are read. */
  readonly takenMs: number
  /** 1, and more for one whose earlier takes came to nothing. */
  readonly attempt: number
}

export interface QueueLook {
  /** By the server's clock. */
  readonly nowMs: number
  readonly waiting: number
  /** Taken by a worker and not done. */
  readonly taken: number
  /** Entries in the dead letters' stream. */
  readonly dead: number
  /** Sums since the queue was made, of all processes. */
  readonly sums: Readonly<Record<QueueSum, number>>
  /** Dead letters since the queue was made, by reason. */
  readonly buried: Readonly<Record<DeadReason, number>>
}

export const queueSums = ['queued', 'coalesced', 'shed', 'taken', 'claimed', 'done'] as const
export type QueueSum = (typeof queueSums)[number]

/** `failed`: taken too often. The others are what an entry is that no worker of this version can act on. */
export const deadReasons = ['damaged', 'version', 'model', 'failed'] as const
export type DeadReason = (typeof deadReasons)[number]

/** Whose refreshes wait in a queue. */
export interface QueueName {
  readonly tenant: string
  readonly model: string
}

export interface TakeOptions {
  /** Of the worker. */
  readonly consumer: string
  readonly limit: number
  /** Entries that were pending for as long are taken too, from any consumer; null: none are. */
  readonly claimMs: number | null
  /** Entries that were taken so often are dead. */
  readonly mostAttempts: number
}

/** Users that one call names at most. */
export const mostUsersAtOnce = 1_000

/**
 * The queues of a store. Errors are the store's: `StoreUnavailableError` where nothing was done, `StoreWriteError` where
 * something may have been.
 */
export class SharedQueues {
  readonly #runner: ScriptRunner

  private constructor(runner: ScriptRunner) {
    this.#runner = runner
  }

  /** @param url of the store, `valkey://` or `valkeys://` @throws StoreUrlError, StoreAccessError */
  static async connect(url: string): Promise<SharedQueues> {
    return new SharedQueues(await ScriptRunner.connect(url, queueScript))
  }

  /** Who waits already is not queued again; beyond `limit` those whose embeddings are freshest are shed. */
  async offer(name: QueueName, offers: readonly QueueOffer[], limit: number): Promise<OfferCounts> {
    const args = offers.flatMap(({ user, servedMs, entry }) => [
      user,
      Number.isFinite(servedMs) ? String(servedMs) : '',
      entry,
    ])
    const [queued, coalesced, shed] = (await this.#run(name, 'offer', limit, ...args)) as number[]
    return { queued, coalesced, shed }
  }

  /** Takes up to `limit` users: those whose worker is gone, then those who wait, the longest served first. */
  async take(name: QueueName, { consumer, limit, claimMs, mostAttempts }: TakeOptions): Promise<readonly TakenEntry[]> {
    const reply = await this.#run(name, 'take', name.model, consumer, limit, claimMs ?? '', mostAttempts)
    const [, ...values] = reply as (Buffer | number)[]
    const entries: TakenEntry[] = []
    for (let i = 0; i < values.length; i += 4) {
      const [id, user, entry] = values.slice(i, i + 3).map(String)
      entries.push({ id, user, entry, takenMs: Number.parseInt(id, 10), attempt: Number(values[i + 3]) })
    }
    return entries
  }

  /** Takes entries out whose users are refreshed. */
  async done(name: QueueName, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#run(name, 'done', name.model, ...ids)
  }

  /** Moves entries to the dead letters. */
  async bury(name: QueueName, ids: readonly string[], reason: DeadReason): Promise<void> {
    if (ids.length > 0) await this.#run(name, 'bury', name.model, reason, ...ids)
  }

  /** Has the time begin anew after which others may claim what a worker still has. */
  async extend(name: QueueName, consumer: string, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#run(name, 'extend', name.model, consumer, ...ids)
  }

  /**
   * Strikes off a worker that ends, and those that are gone. What is still pending with one is claimed by others first.
   *
   * @param consumer that ends; empty: none does
   * @param goneMs who has asked for nothing for longer is gone
   * @returns how many were struck off
   */
  async tidy(name: QueueName, consumer = '', goneMs = 3_600_000): Promise<number> {
    return Number(await this.#run(name, 'tidy', name.model, consumer, goneMs))
  }

  /** @returns how many places held the user */
  async forget(name: QueueName, user: string): Promise<number> {
    return Number(await this.#run(name, 'forget', user))
  }

  async look(name: QueueName): Promise<QueueLook> {
    const reply = (await this.#run(name, 'look')) as [Buffer, number, number, number, Buffer[]]
    const [now, waiting, taken, dead, counted] = reply
    const held = new Map<string, number>()
    for (let i = 0; i < counted.length; i += 2) held.set(String(counted[i]), Number(counted[i + 1]))
    const of = <Name extends string>(names: readonly Name[], prefix = '') =>
      Object.fromEntries(names.map((each) => [each, held.get(prefix + each) ?? 0])) as Record<Name, number>
    return { nowMs: Number(now), waiting, taken, dead, sums: of(queueSums), buried: of(deadReasons, 'dead:') }
  }

  close(): void {
    this.#runner.close()
  }

  async #run(name: QueueName, ...args: readonly (string | number)[]): Promise<ValkeyReply> {
    const call = { keys: queueKeys(name), args: args.map(String) }
    // Only an offer that is lost is missed: all else is done again where a failover loses it.
    const [reply] = await this.#runner.run([call], args[0] === 'offer' || args[0] === 'forget' ? undefined : 'none')
    return reply
  }
}

/** Names of a queue's keys, which share a slot. No tenant of the store has names that begin so. */
export function queueKeys({ tenant, model }: QueueName): ScriptCall['keys'] {
  const tag = `hw:{queue:${encodeURIComponent(tenant)}:${encodeURIComponent(model)}}`
  return [`${tag}:waiting`, `${tag}:entries`, `${tag}:taken`, `${tag}:dead`, `${tag}:figures`]
}
