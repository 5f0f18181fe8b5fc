/**
 * A cluster of 3 + 3 Valkey, 2 readers and 2 workers on this machine, loopback (`--filter` names a section; in the file of `--json` the
 * others then stay as they were measured):
 *
 * - reads: 100 users a call through a reader against the raw grouped HMGET of the same client
 * - freshness: from an event on one reader to the other's answers, at half of what a reader can do
 * - worker-killed, master-killed: kill -9
 * - silent: one server stopped, cut off from the readers, or behind, under the events of 16 users
 * - queue-full: nobody works for 60 s while more users are offered than the queue holds
 * - upgrade: a worker of the snapshot before beside one of the next
 */
import { benchMasterKilled, benchUpgrade, benchWorkerKilled } from './cluster-faults.ts'
import { startCluster } from './cluster-processes.ts'
import { processorsText } from './cluster-processors.ts'
import { benchQueueFull } from './cluster-queue-full.ts'
import { benchFreshness, benchReads, keyOf, loadUsers } from './cluster-reads.ts'
import { benchSilence, type Silence, type SilenceFigures, silences } from './cluster-silent.ts'
import { digits, earlierSections, hostProvenance, matching, options, progress, publish, runBench } from './report.ts'

const users = 20_000
const stoppedSeconds = 60
const readRatioAtLeast = 0.6
const p50AtMostMs = 150
const p99AtMostMs = 1_000
const keptRateAtLeast = 0.9
const refusedWithinMs = 1_000

/** A row of the table: what was asked, and whether it holds. */
interface Row {
  readonly row: string
  readonly value: string
  readonly bound: string
  readonly holds: boolean
}

runBench(async () => {
  const about = hostProvenance()
  const { filter } = options()
  const names = ['reads', 'freshness', 'worker-killed', 'master-killed', 'silent', 'queue-full', 'upgrade'] as const
  const chosen = matching(
    names.map((name) => ({ name })),
    filter,
  ).map(({ name }) => name)
  const cluster = await startCluster(progress)
  const rows: Row[] = []
  const measured: Record<string, object> = {}
  const show = (row: Row) => {
    rows.push(row)
    progress(`${row.holds ? 'holds ' : 'MISSED'}  ${row.row}: ${row.value} (${row.bound})`)
  }
  /** One that fails is missed, keeps its figures of before, and the others go on. */
  const section = async (name: (typeof names)[number], run: () => Promise<object>) => {
    // The load beside freshness is half of what the reads came to.
    if (!chosen.includes(name) && !(name === 'reads' && chosen.includes('freshness'))) return
    const from = rows.length
    try {
      const figures = await run()
      const { adapter, driver, commit, date } = about
      measured[name] = { adapter, driver, commit, date, ...figures, rows: rows.slice(from) }
    } catch (cause) {
      show({ row: name, value: cause instanceof Error ? cause.message : String(cause), bound: 'ends', holds: false })
    }
  }
  try {
    progress(`loading ${users.toLocaleString('en')} users`)
    const loaded = Array.from({ length: users }, (_, user) => keyOf(user))
    await loadUsers(cluster, loaded)
    let callsPerSecond = 100
    await section('reads', async () => {
      const reads = await benchReads(cluster, loaded)
      callsPerSecond = reads.reader.median / 100
      show({
        row: 'reads of 100 users through a reader ÷ raw grouped HMGET',
        value: `${reads.ratio.median.toFixed(2)} × (p10 ${reads.ratio.p10.toFixed(2)}, p90 ${reads.ratio.p90.toFixed(2)}); ${digits(reads.reader.median / 1000)}k users/s, HMGET ${digits(reads.bare.median / 1000)}k`,
        bound: `at least ${readRatioAtLeast}`,
        holds: reads.ratio.median >= readRatioAtLeast,
      })
      return { ...reads, ratioAtLeast: readRatioAtLeast }
    })
    await section('freshness', async () => {
      const freshness = await benchFreshness(cluster, loaded, callsPerSecond)
      show({
        row: `event on one reader → refreshed embedding on the other, 50 % load (${digits(freshness.loadCallsPerSecond)} calls/s)`,
        value: `p50 ${digits(freshness.p50Ms)} ms, p99 ${digits(freshness.p99Ms)} ms (slowest of the first 30, left out: ${digits(freshness.coldSlowestMs)} ms); ${freshness.failed} of ${freshness.load.calls} reads failed, p50 ${digits(freshness.load.p50Ms)} ms, p99 ${digits(freshness.load.p99Ms)} ms; ${processorsText(freshness.processors)}`,
        bound: `p50 at most ${p50AtMostMs} ms, p99 at most ${p99AtMostMs} ms`,
        holds: freshness.p50Ms <= p50AtMostMs && freshness.p99Ms <= p99AtMostMs && freshness.failed === 0,
      })
      return { ...freshness, p50AtMostMs, p99AtMostMs }
    })
    await section('worker-killed', async () => {
      const killed = await benchWorkerKilled(cluster)
      show({
        row: `worker killed (-9) with ${killed.inHands} of ${killed.users} users in its hands`,
        value: `all refreshed after ${digits(killed.ms / 1000)} s; ${killed.done} done, ${killed.doubled} rings doubled or without`,
        bound: `within 2 × the claim time, ${(2 * killed.claimMs) / 1000} s; none lost, none doubled`,
        holds: killed.ms <= 2 * killed.claimMs && killed.doubled === 0 && killed.done === killed.users,
      })
      return killed
    })
    await section('master-killed', async () => {
      const killed = await benchMasterKilled(cluster, loaded)
      show({
        row: 'Valkey master killed under load',
        value: `${killed.failed} of ${killed.load.calls} reads failed; ${killed.lost} users of ${killed.events} acknowledged events are wrong; all well after ${digits(killed.recoveredMs / 1000)} s`,
        bound: 'no read fails, no acknowledged event lost, recovers by itself',
        holds: killed.failed === 0 && killed.lost === 0,
      })
      return killed
    })
    await section('silent', async () => {
      const silent = {} as Record<Silence, SilenceFigures>
      for (const silence of silences) {
        const one = await benchSilence(cluster, silence)
        silent[silence] = one
        const { others, struck } = one
        const kept = others.during / others.before
        show({
          row: `one server silent for ${one.seconds} s: ${silence}`,
          value: `users of other masters ${digits(others.during)} events/s of ${digits(others.before)} before (${(100 * kept).toFixed(1)} %), ${one.othersRefused} refused; its own ${digits(struck.during)} of ${digits(struck.before)}: ${one.refusals} refused, the readers' first after ${one.firstRefusalMs.map((ms) => digits(ms / 1000)).join(' and ')} s, the others within ${digits(one.slowestRefusalMs / 1000)} s of that or of their start, ${one.refusedOtherwise} otherwise than by 503 with Retry-After; ${one.storeErrors} store errors counted; all acknowledged again ${digits(one.recoveredMs / 1000)} s after its end; ${one.wrongUsers} of 16 users lack or doubled one of ${one.acknowledged} events`,
          bound: `at least ${100 * keptRateAtLeast} % kept, refused within ${refusedWithinMs / 1000} s by 503 with Retry-After, counted as store errors, none lost, none doubled`,
          holds:
            kept >= keptRateAtLeast &&
            one.refusals > 0 &&
            one.refusedOtherwise === 0 &&
            one.slowestRefusalMs <= refusedWithinMs &&
            one.storeErrors > 0 &&
            one.wrongUsers === 0,
        })
      }
      return { ...silent, keptRateAtLeast, refusedWithinMs }
    })
    await section('queue-full', async () => {
      const full = await benchQueueFull(cluster, loaded, stoppedSeconds)
      show({
        row: `queue full, workers stopped for ${full.seconds} s, then back`,
        value: `${full.failed} of ${full.during.calls} reads failed, p99 ${digits(full.during.p99Ms)} ms (${digits(full.before.p99Ms)} ms with workers, both with ${digits(full.during.events / full.seconds)} events/s); ${processorsText(full.during.processors)}; with workers ${processorsText(full.before.processors)}; at most ${full.waitingAtMost} waited, in ${digits(full.fullBytes / 1000)} kB (${digits(full.firstFullBytes / 1000)} once it was full); ${full.drained} drained in ${digits(full.drainMs / 1000)} s, ${full.inversions} out of order`,
        bound: `no read fails, at most ${full.maxQueue} wait, drained in order of staleness`,
        holds:
          full.failed === 0 &&
          full.waitingAtMost <= full.maxQueue &&
          full.drained >= full.waitingAtMost &&
          full.inversions === 0,
      })
      return full
    })
    await section('upgrade', async () => {
      const upgrade = await benchUpgrade(cluster)
      show({
        row: 'two versions in a rolling upgrade',
        value: `${upgrade.failed} of ${upgrade.load.calls} reads failed; hit rate ${(100 * upgrade.hitRate).toFixed(1)} %, before ${(100 * upgrade.hitRateBefore).toFixed(1)} %; snapshots ${upgrade.snapshots.join(' and ')} served`,
        bound: 'both at work, no read fails, hit rate within 1 point',
        holds:
          upgrade.failed === 0 && upgrade.hitRate >= upgrade.hitRateBefore - 0.01 && upgrade.snapshots.length === 2,
      })
      return upgrade
    })
  } finally {
    await cluster.close()
  }
  const text = rows
    .map(({ row, value, bound, holds }) => `${row}\n  ${value}\n  ${bound}: ${holds ? 'holds' : 'MISSED'}`)
    .join('\n')
  publish('cluster', about, text, { sections: { ...earlierSections(), ...measured } })
  if (rows.some(({ holds }) => !holds)) process.exitCode = 1
})
