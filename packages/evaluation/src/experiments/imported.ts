/** Snapshots that were imported, towers that were made elsewhere, beside the lab's own tower on the same log. */
import { basename } from 'node:path'
import { compileFeatures } from '@headwater/features'
import { listSnapshots, readSnapshot, snapshotDigest } from '@headwater/snapshot'
import { adjusted, compare, isShown, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import type { ImportedSnapshots } from '../lab/arms/downstream-arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import { ExperimentError } from '../lab/log/experiment-error.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import type { Findings } from '../report/findings.ts'
import { formatGainInterval } from '../report/format.ts'
import { gainChart } from './charts.ts'
import { modeArm, servedArm, splitModels, withoutArm } from './common-arms.ts'

const arm = 'imported'
const others = ['asynchronous', 'without', 'features'] as const

/**
 * An experiment on a model's snapshots, each served from behind the newest row that it depends on.
 * @param directory of the model's snapshots; those that the gate held are left out
 * @throws ExperimentError where none can be served within the log, or their rows are not the lab's; SnapshotError
 */
export async function importedExperiment(directory: string, lab: LabLog): Promise<Experiment> {
  const imported = await importedSnapshots(directory, lab)
  return {
    name: arm,
    question: 'What does an imported tower buy the ranking model, beside one that is trained here?',
    measure:
      'Relative gain in normalized entropy of the ranking model on the test window, served the imported tower’s vectors asynchronously, over the same model served by the lab’s own tower, given its input features, and without an embedding.',
    rule: 'It is worth its import where the model gains over all three, the intervals above 0 after Holm.',
    models: () => ['ranking'],
    arms: (own, seed) => [
      withoutArm(own, seed),
      servedArm(own, seed, {
        ...{ name: 'features', title: 'input features given directly (baseline)', source: 'features' },
        models: splitModels(own).seen,
      }),
      modeArm(own, seed, 'asynchronous'),
      servedArm(own, seed, { name: arm, title: 'imported tower', source: 'tower', models: ['ranking'], imported }),
    ],
    conclude,
  }
}

async function importedSnapshots(directory: string, { log, space }: LabLog): Promise<ImportedSnapshots> {
  const found: { readonly name: string; readonly frame: number; readonly cutoffMs: number; readonly digest: string }[] =
    []
  for (const path of await listSnapshots(directory)) {
    const { manifest, schema } = await readSnapshot(path)
    if (manifest.verdict.status === 'held') continue
    if (JSON.stringify(compileFeatures(schema).user) !== JSON.stringify(space.user))
      throw new ExperimentError(
        path,
        'is of another schema',
        'run it on the log and the schema that it was imported with',
      )
    const { frame, dataCutoffMs } = manifest
    found.push({ name: basename(path), frame, cutoffMs: dataCutoffMs, digest: await snapshotDigest(path) })
  }
  // Of several that depend on rows up to one time the last takes over at once.
  found.sort((a, b) => a.cutoffMs - b.cutoffMs)
  const served = found.filter(({ cutoffMs }, i) => found[i + 1]?.cutoffMs !== cutoffMs)
  const publications: ImportedSnapshots['publications'][number][] = []
  for await (const events of log.events())
    for (const { row, timeMs } of events)
      while (publications.length < served.length && served[publications.length].cutoffMs < timeMs) {
        const { name, frame, cutoffMs } = served[publications.length]
        publications.push({ row, publishedMs: cutoffMs, snapshot: name, frame })
      }
  if (publications.length === 0)
    throw new ExperimentError(
      directory,
      'has no snapshot that may be served within the log',
      'import it without --data, with --trained-until before the last tenth of the log',
    )
  return { directory, publications, digests: served.slice(0, publications.length).map(({ digest }) => digest) }
}

function conclude(outcomes: Outcomes): Findings {
  const claims = adjusted(
    outcomes,
    others.map((over) => compare(outcomes, 'ranking', arm, over)!),
  )
  const own = compare(outcomes, 'ranking', 'asynchronous', 'without')!
  const [overOwn, overWithout, overFeatures] = claims.map(({ gain }) => formatGainInterval(gain))
  return {
    holds: claims.every(isShown),
    verdict: `The imported tower gains the ranking model ${overOwn} over the tower that is trained here, ${overFeatures} over its input features and ${overWithout} over the model without an embedding, which the tower trained here gains ${formatGainInterval(own.gain)} over.`,
    scores: [arm, ...others].map((name) => scoreArm(outcomes, name, 'ranking')),
    comparisons: [...claims, own],
    gapShares: [],
    charts: [
      gainChart(
        'Imported, and trained here',
        'The ranking model over the same without an embedding, with 95 % intervals of users and seeds.',
        'arm',
        [claims[1], own],
      ),
    ],
    tables: [],
  }
}
