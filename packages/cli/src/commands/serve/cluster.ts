/** A server's part in a cluster: over a Valkey store, refreshes wait in Valkey until some process takes them. */
import type { ClusterNode } from '@headwater/cluster'
import type { EncoderStatus, Pooling } from '@headwater/pooling'
import { CommandError } from '../../arguments/command-error.ts'
import { userUrl } from '../../arguments/store-url.ts'
import type { ServeOptions } from './options.ts'
import type { Serving } from './report.ts'

export interface ServeCluster {
  readonly node: ClusterNode
  /** Starts to read or to work; it ends before the poolings are closed. @param poolings by tenant */
  start(poolings: ReadonlyMap<string, Pooling>): Promise<void>
}

const isValkey = (url: string) => /^valkeys?:/.test(url)

/** @throws CommandError for a role that the other options do not allow */
export function checkRole({ role, store, mode, segmentField, shadow }: ServeOptions): void {
  if (role === 'all') return
  if (!isValkey(store))
    throw new CommandError(`--role ${role} shares its store with other processes; give --store valkey://HOST.`)
  if (mode !== 'asynchronous') throw new CommandError(`--role ${role} and --mode ${mode} exclude each other.`)
  if (role === 'refresh') return
  const needing = segmentField !== undefined ? '--segment-field' : shadow !== undefined ? '--shadow' : null
  if (needing !== null) throw new CommandError(`${needing} needs an encoder, which --role read has not; leave it out.`)
}

/** @returns null where refreshes stay in this process @throws StoreAccessError */
export async function joinServeCluster(
  { options, closers, warn: onError }: Serving,
  tenants: readonly string[],
  models: readonly string[],
  encoder: (() => EncoderStatus) | null,
): Promise<ServeCluster | null> {
  const { store, mode, maxQueue, claimAfter: claimMs } = options
  if (!isValkey(store) || mode !== 'asynchronous') return null
  const { joinCluster } = await import('@headwater/cluster')
  const node = await joinCluster({ url: userUrl(store), tenants, models, maxQueue, claimMs, onError })
  let closing: Promise<void> | null = null
  const close = () => {
    closing ??= node.close()
    return closing
  }
  closers.push(close)
  return {
    node,
    start: async (poolings) => {
      closers.push(close)
      await (encoder === null ? node.read(poolings) : node.work(poolings, () => encoder().state === 'ready'))
    },
  }
}
