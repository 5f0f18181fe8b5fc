import type { Figures } from '@headwater/service'
import { deadReasons, queueSums } from '../queue/shared-queue.ts'
import type { ClusterNode } from './cluster-node.ts'
import type { SharedClock } from './shared-clock.ts'

const labels = ['tenant', 'model']

/** Adds figures of the shared queues to those of a service, as its option `alsoMetrics` has it. */
export function registerClusterMetrics(
  figures: Figures,
  node: Pick<ClusterNode, 'queues' | 'offers' | 'conflicts'> & { readonly clock: Pick<SharedClock, 'offsetMs'> },
): void {
  const ofQueues = (name: string, help: string, key: 'waiting' | 'taken' | 'dead') =>
    figures.gauges(name, help, labels, () => node.queues.map((queue) => [[queue.tenant, queue.model], queue[key]]))
  ofQueues('headwater_shared_queue_waiting', 'Users that wait in a shared queue.', 'waiting')
  ofQueues('headwater_shared_queue_taken', 'Users that a worker has taken and not refreshed yet.', 'taken')
  ofQueues('headwater_shared_queue_dead', 'Entries that lie in the dead letters.', 'dead')
  figures.counters(
    'headwater_shared_queue_entries_total',
    'What became of entries of a shared queue, counted by its server over all processes.',
    [...labels, 'outcome'],
    () =>
      node.queues.flatMap(({ tenant, model, sums }) =>
        queueSums.map((outcome) => [[tenant, model, outcome], sums[outcome]] as const),
      ),
  )
  figures.counters(
    'headwater_shared_queue_dead_letters_total',
    'Entries that no worker could act on, by reason.',
    [...labels, 'reason'],
    () =>
      node.queues.flatMap(({ tenant, model, buried }) =>
        deadReasons.map((reason) => [[tenant, model, reason], buried[reason]] as const),
      ),
  )
  figures.gauges(
    'headwater_shared_queue_unsent',
    'Users whose offers this process holds until the servers take them.',
    ['tenant'],
    () => [...node.offers].map(([tenant, { unsent }]) => [[tenant], unsent]),
  )
  figures.counters(
    'headwater_shared_queue_dropped_total',
    'Offers that this process gave up, as too many were unsent.',
    ['tenant'],
    () => [...node.offers].map(([tenant, { dropped }]) => [[tenant], dropped]),
  )
  figures.counters(
    'headwater_publisher_conflicts_total',
    'Snapshots refused as another of the model has their number, over all workers.',
    ['model'],
    () => [...node.conflicts].map(([model, count]) => [[model], count]),
  )
  figures.gauge(
    'headwater_clock_offset_seconds',
    "What this machine's clock lacks to the servers' time.",
    () => node.clock.offsetMs / 1_000,
  )
}
