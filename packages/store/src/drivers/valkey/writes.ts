import { StoreUnavailableError, StoreWriteError } from '../../validation/errors.ts'
import { type Confirmation, Exchange, graceMs, type Rows, rowState } from './exchange.ts'
import { type Reply, request } from './request.ts'
import { script } from './script.ts'
import type { Topology } from './topology.ts'
import type { Durability, ValkeyOptions } from './valkey-url.ts'

const loadRecordScript = request('SCRIPT', 'LOAD', script)

/**
 * Runs writing commands on the masters and waits for as many copies as the durability asks for.
 *
 * @param loadScript request that loads the script which rows call
 * @returns a reply a row
 * @throws StoreUnavailableError where nothing was written; StoreWriteError where something may have been
 */
export async function runWrites(
  topology: Topology,
  rows: Rows,
  options: ValkeyOptions,
  loadScript = loadRecordScript,
): Promise<readonly Reply[]> {
  const { durability, patienceMs, mostMs } = options
  const confirmation = confirmationOf(durability, topology.clustered)
  const exchange = new Exchange(topology, rows, {
    purpose: 'write',
    timeoutMs: patienceMs,
    mostMs,
    loadScript,
    confirmation,
  })
  const { replies, states, refusal, confirmationProblem } = await exchange.run()
  const unanswered = states.filter((state) => state === rowState.unanswered).length
  const unknown = states.filter((state) => state === rowState.unknown).length
  // A row that changed nothing needs no copies: "moved", "forgotten" and "not removed" of the script.
  const isShort = (state: number, row: number) =>
    state === rowState.unconfirmed && replies[row] !== 0 && replies[row] !== 2
  const unconfirmed = states.filter(isShort).length
  if (unanswered + unknown + unconfirmed === 0) return replies as readonly Reply[]
  if (unanswered === rows.count) {
    throw (
      refusal ??
      new StoreUnavailableError(
        `no Valkey master takes the writes, which was silent for ${patienceMs} ms before or is down, and nothing was ` +
          'written; try again once it is back',
      )
    )
  }
  const parts = [
    unanswered > 0 &&
      `${unanswered} were not carried out (${refusal?.message ?? `no master took them within ${patienceMs} ms`})`,
    unknown > 0 && `${unknown} may or may not have happened (the connection ended, or no answer came)`,
    unconfirmed > 0 &&
      `${unconfirmed} are in a master's memory but short of durability=${durability}, and may or may not outlast it` +
        (confirmationProblem === null ? '' : ` (${confirmationProblem})`),
  ].filter((part) => part !== false)
  throw new StoreWriteError(
    `of ${rows.count} writes to Valkey ${parts.join(', ')}; write them again: what is held already is left as it is`,
  )
}

/**
 * Waits again for copies of what was answered and not confirmed, on connections that still live.
 *
 * @param slots of interest, null for all
 * @throws StoreWriteError
 */
export async function confirmAgain(
  topology: Topology,
  options: ValkeyOptions,
  slots: readonly number[] | null,
): Promise<void> {
  const confirmation = confirmationOf(options.durability, topology.clustered)
  if (confirmation === null) return
  for (const shard of slots === null ? topology.shards : new Set(slots.map((slot) => topology.shardOf(slot)))) {
    if (shard === undefined || !shard.master.writes.unconfirmed) continue
    const { master } = shard
    // One of many who wait for the same copies asks for them.
    const isFailing = await master.writes.failsStill(graceMs)
    const asked = [confirmation.request(options.patienceMs)]
    const [reply] = isFailing ? [null] : await master.writes.ask(asked, options.patienceMs + options.timeoutMs)
    if (reply === null || !confirmation.confirms(reply)) {
      throw new StoreWriteError(
        `writes to ${master.address} are short of durability=${options.durability} still; see to its replicas or its disk`,
      )
    }
    master.writes.unconfirmed = false
  }
}

/** What is asked on the connection that wrote, as both commands are about that connection's writes alone. */
function confirmationOf(durability: Durability, clustered: boolean): Confirmation | null {
  if (durability === 'none') return null
  if (durability === 'replica') {
    return {
      request: (waitMs) => request('WAIT', '1', String(waitMs)),
      confirms: (reply) => Number(reply) >= 1,
    }
  }
  // A failover takes what the master's disk alone has, so that in a cluster one replica's disk counts too.
  const replicas = clustered ? 1 : 0
  return {
    request: (waitMs) => request('WAITAOF', '1', String(replicas), String(waitMs)),
    confirms: (reply) => Array.isArray(reply) && Number(reply[0]) >= 1 && Number(reply[1]) >= replicas,
  }
}
