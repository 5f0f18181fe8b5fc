import { Figures } from '@headwater/service'
import type { Registry } from 'prom-client'
import { deadReasons, queueSums } from '../queue/shared-queue.ts'
import type { ClusterNode } from './cluster-node.ts'
import type { SharedClock } from './shared-clock.ts'

const labels = ['tenant', 'model']

/** Adds figures of the shared queues to those of a service, as its option `alsoMetrics` has it. */
export function registerClusterMetrics(
  registry: Registry,
  node: Pick<ClusterNode, 'queues' | 'offers' | 'conflicts'> & { readonly clock: Pick<SharedClock, 'offsetMs'> },
): void {
  const figures = new Figures(registry)
  const ofQueues = (name: string, help: string, key: 'waiting' | 'taken' | 'dead') =>
    figures.gauges({ name, help, labels }, () => node.queues.map((queue) => [[queue.tenant, queue.model], queue[key]]))
  ofQueues('headwater_shared_queue_waiting', 'Users that wait in a shared queue.', 'waiting')
  ofQueues('headwater_shared_queue_taken', 'Users that a worker has taken and not refreshed yet.', 'taken')
  ofQueues('headwater_shared_queue_dead', 'Entries that lie in the dead letters.', 'dead')
  figures.counters(
    {
      name: 'headwater_shared_queue_entries_total',
      help: 'What became of entries of a shared queue, counted by its server over all processes.',
      labels: [...labels, 'outcome'],
    },
    () =>
      node.queues.flatMap(({ tenant, model, sums }) =>
        queueSums.map((outcome) => [[tenant, model, outcome], sums[outcome]] as const),
      ),
  )
  figures.counters(
    {
      name: 'headwater_shared_queue_dead_letters_total',
      help: 'Entries that no worker could act on, by reason.',
      labels: [...labels, 'reason'],
    },
    () =>
      node.queues.flatMap(({ tenant, model, buried }) =>
        deadReasons.map((reason) => [[tenant, model, reason], buried[reason]] as const),
      ),
  )
  figures.gauges(
    {
      name: 'headwater_shared_queue_unsent',
      help: 'Users whose offers this process holds until the servers take them.',
      labels: ['tenant'],
    },
    () => [...node.offers].map(([tenant, { unsent }]) => [[tenant], unsent]),
  )
  figures.counters(
    {
      name: 'headwater_shared_queue_dropped_total',
      help: 'Offers that this process gave up, as too many were unsent.',
      labels: ['tenant'],
    },
    () => [...node.offers].map(([tenant, { dropped }]) => [[tenant], dropped]),
  )
  figures.counters(
    {
      name: 'headwater_publisher_conflicts_total',
      help: 'Snapshots refused as another of the model has their number, over all workers.',
      labels: ['model'],
    },
    () => [...node.conflicts].map(([model, count]) => [[model], count]),
  )
  figures.gauge(
    { name: 'headwater_clock_offset_seconds', help: "What this machine's clock lacks to the servers' time." },
    () => node.clock.offsetMs / 1_000,
  )
}
