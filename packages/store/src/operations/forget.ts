import type { Driver } from '../drivers/driver.ts'
import { digestOf, encodeTombstone } from '../record/tombstone.ts'
import { StoreError } from '../validation/errors.ts'

/** A place beside the store that holds users: a queue, a log of what was served, a panel. */
export interface ForgetHolder {
  /** For the receipt. */
  readonly where: string
  /**
   * Removes all that the place holds of a user. Called again for a user forgotten twice, and after the store's own part.
   *
   * @param atMs time of the forgetting; what is later may stay
   * @returns what was removed, say `[{ what: 'waiting refresh', count: 1 }]`
   */
  forget(tenant: string, user: string, atMs: number): Promise<readonly Removal[]>
}

export interface Removal {
  readonly what: string
  readonly count: number
}

export interface ForgetOptions {
  /** Work of this time or before does not bring the user back. Default: now by the wall's clock. */
  readonly atMs?: number
  /** Asked in this call, beside those that the store knows. */
  readonly holders?: readonly ForgetHolder[]
}

/** What was removed of a user, where and when. */
export interface ForgetReceipt {
  readonly user: string
  readonly tenant: string
  readonly atMs: number
  /** Of the store first: `ring`, one a model, `state` and `event list`; then of each holder. */
  readonly removed: readonly (Removal & { readonly where: string })[]
  /** Holders that failed, and so may hold the user still. */
  readonly failed: readonly { readonly where: string; readonly reason: string }[]
}

/** Some holders failed to forget a user, whom the store has forgotten. Call `forget` again. */
export class ForgetError extends StoreError {
  readonly receipt: ForgetReceipt

  constructor(receipt: ForgetReceipt, causes: readonly unknown[]) {
    const failed = receipt.failed.map(({ where, reason }) => `${where} (${reason})`).join(', ')
    super(`the store has forgotten the user, but not ${failed}; mend that and forget the user again`, {
      cause: causes[0],
    })
    this.receipt = receipt
  }
}

/** @throws ForgetError, once the store's part is done */
export async function forgetUser(
  driver: Driver,
  tenant: string,
  user: string,
  atMs: number,
  holders: readonly ForgetHolder[],
): Promise<ForgetReceipt> {
  // First, so that what a holder lets go of finds the tombstone already.
  const digest = digestOf(tenant, user)
  const { rings, states, events } = await driver.forget(tenant, user, digest, encodeTombstone(tenant, digest, atMs))
  const removed = [
    { where: 'store', what: 'ring', count: rings },
    { where: 'store', what: 'state', count: states },
    { where: 'store', what: 'event list', count: events },
  ]
  const failed: { where: string; reason: string }[] = []
  const causes: unknown[] = []
  const asked = holders.map(async (holder) => holder.forget(tenant, user, atMs))
  for (const [i, result] of (await Promise.allSettled(asked)).entries()) {
    const { where } = holders[i]
    if (result.status === 'fulfilled') {
      removed.push(...result.value.map(({ what, count }) => ({ where, what, count })))
      continue
    }
    const cause: unknown = result.reason
    failed.push({ where, reason: cause instanceof Error ? cause.message : String(cause) })
    causes.push(cause)
  }
  const receipt = { user, tenant, atMs, removed, failed }
  if (failed.length > 0) throw new ForgetError(receipt, causes)
  return receipt
}
