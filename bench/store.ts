/**
 * The store's drivers against their bare engines, each pair in one run (`--filter` names a section):
 *
 * - slab: `memory:` against a bare slab of typed arrays
 * - lmdb: `lmdb:` against lmdb itself
 * - valkey: `valkey://` on a cluster of 3 + 3 against a grouped HMGET
 * - tiered: the slab in front of LMDB under Zipf-like traffic
 * - export: all vectors of a model into Parquet against a scan by lmdb itself
 */
import {
  digits,
  hostProvenance,
  matching,
  options,
  percent,
  progress,
  publish,
  runBench,
  type Spread,
} from './report.ts'
import { benchExport } from './store-export.ts'
import { benchLmdb, type LmdbComparison } from './store-lmdb.ts'
import { benchSlab, benchTier } from './store-slab.ts'
import { benchValkey } from './store-valkey.ts'

const users = 1_000_000
/** Each user's hash is held twice, by its master and a replica. */
const valkeyUsers = 200_000
const exportedUsers = 200_000

interface Section {
  readonly name: string
  run(): Promise<{ readonly text: string; readonly figures: object }>
}

const judged = (holds: boolean) => (holds ? 'holds' : 'MISSED')
const thousands = ({ median }: Spread) => `${digits(median / 1000)}k users/s`
const ratio = ({ median, p10, p90 }: Spread) => `${median.toFixed(2)} × (p10 ${p10.toFixed(2)}, p90 ${p90.toFixed(2)})`

const compared = (c: LmdbComparison) =>
  `  ${c.name}: ${thousands(c.ours)}, bare ${thousands(c.bare)}; ours ÷ bare ${ratio(c.ratio)} (at least ${c.ratioAtLeast}: ${judged(c.ratio.median >= c.ratioAtLeast)})`

async function slab() {
  const figures = await benchSlab(users, progress)
  const { ours, bare, singleUs, bytesAUser: bytes } = figures
  const text = `slab, ${users.toLocaleString('en')} users, pooled reads to f32, 100 users a call: ${thousands(ours)}, the bare slab ${thousands(bare)}
  ours ÷ bare          ${ratio(figures.ratio)} (at least ${figures.ratioAtLeast}: ${judged(figures.ratio.median >= figures.ratioAtLeast)}; aim ${figures.ratioAim})
  one user a call      p50 ${digits(singleUs.p50)} µs, p99 ${digits(singleUs.p99)} µs (at most ${singleUs.p99AtMost}: ${judged(singleUs.p99 <= singleUs.p99AtMost)}), the bare slab's p99 ${digits(singleUs.bareP99)} µs
  bytes a user, model  ${digits(bytes.held)}, ${bytes.overVectors.toFixed(2)} × the vectors' (at most ${bytes.overVectorsAtMost}: ${judged(bytes.overVectors <= bytes.overVectorsAtMost)})`
  return { text, figures }
}

async function lmdb() {
  const figures = await benchLmdb(users, progress)
  const { bytesAUser: bytes } = figures
  const lines = figures.comparisons.map(compared)
  const text = `lmdb, ${users.toLocaleString('en')} users
${lines.join('\n')}
  bytes a user, model: ${digits(bytes.loaded)} as loaded, ${digits(bytes.compacted)} compacted, ${bytes.overVectors.toFixed(2)} × the vectors' (at most ${bytes.overVectorsAtMost}: ${judged(bytes.overVectors <= bytes.overVectorsAtMost)})`
  return { text, figures }
}

async function valkey() {
  const figures = await benchValkey(valkeyUsers, progress)
  const lines = figures.comparisons.map(
    (c) =>
      `  reads of 100 users, ${c.calls} at once: ${thousands(c.ours)}, grouped HMGET ${thousands(c.bare)}; ours ÷ bare ${ratio(c.ratio)} (at least ${c.ratioAtLeast}: ${judged(c.ratio.median >= c.ratioAtLeast)})`,
  )
  const text = `valkey, a cluster of 3 + 3 on this machine, ${valkeyUsers.toLocaleString('en')} users
${lines.join('\n')}
  appends in batches of 1,000: ${digits(figures.appends / 1000)}k a second`
  return { text, figures }
}

async function tiered() {
  const figures = await benchTier(users, progress)
  const { hitRate, hitRateAtLeast, tiered, base, speedUp } = figures
  const text = `tiered over lmdb, ${users.toLocaleString('en')} users by Zipf 1.0, a tier of 10 % of them: ${percent(hitRate)} hits (at least ${percent(hitRateAtLeast)}: ${judged(hitRate >= hitRateAtLeast)})
  ${thousands(tiered)}, lmdb alone ${thousands(base)}: ${ratio(speedUp)}`
  return { text, figures }
}

async function exported() {
  const figures = await benchExport(exportedUsers, progress)
  return { text: `export, ${exportedUsers.toLocaleString('en')} users\n${compared(figures)}`, figures }
}

const sections: readonly Section[] = [
  { name: 'slab', run: slab },
  { name: 'lmdb', run: lmdb },
  { name: 'valkey', run: valkey },
  { name: 'tiered', run: tiered },
  { name: 'export', run: exported },
]

await runBench(async () => {
  const texts: string[] = []
  const figures: { [name: string]: object } = {}
  for (const { name, run } of matching(sections, options().filter)) {
    const found = await run()
    progress(found.text)
    texts.push(found.text)
    figures[name] = found.figures
  }
  publish('store', hostProvenance(), texts.join('\n\n'), { sections: figures })
})
