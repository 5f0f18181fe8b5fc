/**
 * The publication of a tower that was made elsewhere: checked on rows of users, lined up with the served snapshot, compared with it by
 * heads that are fitted for both, judged by the same gate, written as a snapshot, and served where the gate lets it pass.
 */
import type { ImportedTower, TowerCheck } from '@headwater/external'
import { compileFeatures, type FeatureSpace, type SideBatch } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import {
  checkSchemaChange,
  type ForwardFigures,
  forgottenUsers,
  nextSnapshotNumber,
  publishSnapshot,
  readManifest,
  readPanel,
  readServedSnapshot,
  type Snapshot,
  servedSnapshot,
  serveSnapshot,
} from '@headwater/snapshot'
import type { ExampleFeed } from '../examples/example-feed.ts'
import { LayoutError, projectBatch } from '../examples/project-batch.ts'
import { allocateExamples } from '../examples/training-batch.ts'
import type { PublicationOptions } from '../options/publication-options.ts'
import { comparePanel, frameOf } from './compare-panel.ts'
import { forwardFigures } from './forward-figures.ts'
import { askFreshHeads } from './fresh-heads.ts'
import { judge } from './gate.ts'
import type { Publication } from './publish.ts'
import { type AskedTower, snapshotTower } from './snapshot-tower.ts'

/** Most rows that a head is fitted to, and most that it is asked about. */
const mostHeadRows = 10_000

export interface ExternalCandidate {
  /** In its own coordinates. It stays the caller's. */
  readonly imported: ImportedTower
  readonly space: FeatureSpace
  /** The log on which it is judged, fed to its end; null without one. */
  readonly feed: ExampleFeed | null
  /** Time of the newest row that it was trained on, ms since 1970; null where that is not known. */
  readonly trainedUntilMs: number | null
  /** Asked for where the served snapshot is one of our own towers. */
  readonly device: () => Promise<GpuDevice>
}

export interface ExternalPublication extends Publication {
  readonly check: TowerCheck
}

/**
 * Publishes a tower that was made elsewhere as the model's next snapshot.
 * @throws ExternalTowerError for one that cannot be a tower; SchemaChangeError where the schema is not one that may follow the served
 * snapshot's; SnapshotError where the served snapshot is damaged or the disk takes no more. Nothing was published then.
 */
export async function publishExternal(
  candidate: ExternalCandidate,
  modelDirectory: string,
  options: PublicationOptions,
): Promise<ExternalPublication> {
  const { imported, space, feed, trainedUntilMs } = candidate
  const { tower, record, files } = imported
  feed?.flush()
  const parent = (await servedSnapshot(modelDirectory)) === null ? null : await readServedSnapshot(modelDirectory)
  if (parent) checkSchemaChange(parent.schema, space.schema)
  feed?.panel.forget(await forgottenUsers(modelDirectory))
  const panel = feed ? panelOfLog(space, feed) : await panelOf(parent, space)
  const { checkTower } = await import('@headwater/external')
  const check = await checkTower(tower, panel?.rows ?? null)
  const openParent = (snapshot: Snapshot) => snapshotTower(candidate.device, snapshot)
  const open = () => ({ dim: tower.dim, encode: (batch: SideBatch) => tower.encode(batch), dispose: () => {} })
  const compared = { layout: space.user, panel: panel?.rows ?? null, items: null, open }
  const { figures, alignment, none } = await comparePanel(compared, parent, openParent, options)
  const { forward, notes } = await compareHeads(candidate, parent, openParent, options)
  const snapshot = await nextSnapshotNumber(modelDirectory)
  const parentNumber = parent?.manifest.snapshot ?? null
  const about = {
    snapshot,
    frame: frameOf(snapshot, parent, figures, options),
    dataCutoffMs: Math.max(0, trainedUntilMs ?? 0, feed?.newestMs ?? 0) || Date.now(),
    trainedRows: 0,
    config: {},
    external: record,
    log: feed && { rows: feed.digest.rows, digest: feed.digest.hex },
    codeVersion: options.codeVersion,
    parent: parentNumber,
    alignment: alignment ? ('procrustes' as const) : ('none' as const),
    panel: figures,
    forward,
    verdict: judge({ parent: parentNumber, panel: figures, noPanel: none, forward, notes }, options.gate),
  }
  const extras = { alignment, panel: panel?.rows ?? null, panelUsers: panel?.users ?? null, tower: files }
  const directory = await publishSnapshot(modelDirectory, space.schema, [], about, extras)
  if (about.verdict.status === 'published') await serveSnapshot(modelDirectory, snapshot, 'gate')
  return { directory, manifest: await readManifest(directory), check }
}

interface PanelUsers {
  readonly rows: SideBatch
  readonly users: Uint32Array | null
}

function panelOfLog(space: FeatureSpace, feed: ExampleFeed): PanelUsers | null {
  const { rows, users } = feed.panel.rows()
  if (rows.length === 0) return null
  return { rows: feed.file.read(rows, 0, rows.length, allocateExamples(space, rows.length)).user, users }
}

/** The served snapshot's, where its rows have what the new schema asks for. */
async function panelOf(parent: Snapshot | null, { user }: FeatureSpace): Promise<PanelUsers | null> {
  const panel = parent && (await readPanel(parent))
  if (!parent || !panel) return null
  try {
    return { ...panel, rows: projectBatch(compileFeatures(parent.schema).user, user, panel.rows) }
  } catch (cause) {
    if (cause instanceof LayoutError) return null
    throw cause
  }
}

/** Both towers by heads of their own on the log's last rows. */
async function compareHeads(
  { imported, space, feed, trainedUntilMs }: ExternalCandidate,
  parent: Snapshot | null,
  openParent: (parent: Snapshot) => Promise<AskedTower>,
  { heldBackShare, gate }: PublicationOptions,
): Promise<{ readonly forward: ForwardFigures | null; readonly notes: readonly string[] }> {
  if (feed === null) return { forward: null, notes: ['Without a log there are no rows to judge predictions on.'] }
  const to = feed.file.length
  const afterTraining = trainedUntilMs === null ? null : firstAfter(feed, trainedUntilMs)
  const share = to - Math.floor(heldBackShare * to)
  const heldBackFrom = Math.max(afterTraining ?? share, to - mostHeadRows)
  const from = Math.max(0, heldBackFrom - mostHeadRows)
  const notes =
    trainedUntilMs === null
      ? ['Until when the tower was trained is not known: it may know the rows that it is judged on.']
      : []
  if (heldBackFrom - from < gate.minRows || heldBackFrom >= to)
    return { forward: null, notes: [...notes, 'Too few rows before or after the training to judge predictions on.'] }
  const old = parent && (await openParent(parent))
  try {
    const towers = [{ tower: imported.tower, layout: space.user }]
    const others = old ? [{ tower: old, layout: compileFeatures(parent.schema).user }] : []
    const rows = { space, examples: feed.file, from, heldBackFrom, to, cutoffMs: feed.newestMs }
    const { labels, labelWeights, logits } = await askFreshHeads([...towers, ...others], rows)
    const tasks = space.schema.tasks.map(({ name }) => name)
    return { forward: forwardFigures(tasks, logits[0], logits[1] ?? null, labels, labelWeights), notes }
  } finally {
    await old?.dispose()
  }
}

/** The first example after a time, by bisection: examples lie in time order. */
function firstAfter({ file, readTimes }: ExampleFeed, timeMs: number): number {
  let [from, to] = [0, file.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (readTimes(middle, middle + 1)[0] > timeMs) to = middle
    else from = middle + 1
  }
  return from
}
