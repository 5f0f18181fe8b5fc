import { existsSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { PoolingError } from '@headwater/pooling'
import { forgetInPanel, noteForgotten, panelsUnderWay, snapshotsWith } from '@headwater/snapshot'
import { claimDirectory, type ForgetHolder } from '@headwater/store'

/** Another process is taking a user out of the panels, or writes one. */
export class PanelsBusyError extends PoolingError {}

const waitMs = 2_000
const againMs = 20

/**
 * What a model's snapshots hold of users: rows of the panels on which they are compared. A panel tells no tenants apart, so a
 * user of that name of any tenant is taken out, and is left out of the panels of later snapshots.
 *
 * @param directory of the model's snapshots; one holder a directory in a process
 */
export function panelHolder(directory: string): ForgetHolder {
  let last: Promise<unknown> = Promise.resolve()
  return {
    where: 'panels of snapshots',
    forget: (_tenant, user, atMs) => {
      const done = last.then(() => forgetInPanels(directory, user, atMs))
      // One that fails is its caller's matter, and the next one runs.
      last = done.catch(() => {})
      return done
    },
  }
}

async function forgetInPanels(directory: string, user: string, atMs: number) {
  const release = await claim(directory)
  try {
    // First: a publication that does not know of it yet is among those that are waited for.
    await noteForgotten(directory, user, atMs)
    await published(directory)
    let count = 0
    for (const snapshot of await snapshotsWith(directory, user)) count += await forgetInPanel(snapshot, user)
    return [{ what: 'panel row', count }]
  } finally {
    release()
  }
}

/** @throws PanelsBusyError */
async function claim(directory: string): Promise<() => void> {
  for (const endMs = performance.now() + waitMs; ; await wait(againMs)) {
    const claimed = claimDirectory(directory)
    if (typeof claimed !== 'number') return claimed
    if (performance.now() > endMs)
      throw new PanelsBusyError(`process ${claimed} is forgetting in the panels of ${directory}; forget the user again`)
  }
}

/** Resolves once the panels that are being written now are in their snapshots. @throws PanelsBusyError */
async function published(directory: string): Promise<void> {
  const endMs = performance.now() + waitMs
  for (const path of await panelsUnderWay(directory))
    for (; existsSync(path); await wait(againMs))
      if (performance.now() > endMs) throw new PanelsBusyError(`${path} is being written; forget the user again`)
}
