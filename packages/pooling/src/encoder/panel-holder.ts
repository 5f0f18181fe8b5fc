import { setTimeout as wait } from 'node:timers/promises'
import { forgetInPanel, snapshotsWith } from '@headwater/runtime'
import { claimDirectory, type ForgetHolder } from '@headwater/store'
import { PoolingError } from '../errors.ts'
import { Exclusive } from '../logs/exclusive.ts'

/** Another process is taking a user out of the panels. */
export class PanelsBusyError extends PoolingError {
  override readonly name = 'PanelsBusyError'
}

/** How long another process is waited for. */
const claimMs = 2_000
const claimAgainMs = 20

/**
 * What a model's snapshots hold of users: rows of the panels on which they are compared. A panel tells no tenants apart, so a
 * user of that name of any tenant is taken out.
 *
 * @param directory of the model's snapshots; one holder a directory in a process
 */
export function panelHolder(directory: string): ForgetHolder {
  const turn = new Exclusive()
  return {
    where: 'panels of snapshots',
    forget: (_tenant, user) =>
      turn.run(async () => {
        const snapshots = await snapshotsWith(directory, user)
        if (snapshots.length === 0) return [{ what: 'panel row', count: 0 }]
        const release = await claim(directory)
        try {
          let count = 0
          for (const snapshot of snapshots) count += await forgetInPanel(snapshot, user)
          return [{ what: 'panel row', count }]
        } finally {
          release()
        }
      }),
  }
}

/** @throws PanelsBusyError */
async function claim(directory: string): Promise<() => void> {
  const endMs = performance.now() + claimMs
  for (;;) {
    const claimed = claimDirectory(directory)
    if (typeof claimed !== 'number') return claimed
    if (performance.now() > endMs)
      throw new PanelsBusyError(`process ${claimed} is forgetting in the panels of ${directory}; forget the user again`)
    await wait(claimAgainMs)
  }
}
