/**
 * A publication: the new tower is lined up with the served snapshot on a panel of users, compared with it on rows that
 * neither was trained on, judged, written as a snapshot, and served where the gate lets it pass.
 */
import { compileFeatures, type FeatureSpace, type SideBatch } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import {
  declareTower,
  ownItemVectors,
  snapshotConfig,
  type Tower,
  UserEncoder,
  Weights,
  writeWeights,
} from '@headwater/runtime'
import {
  checkSchemaChange,
  type ForwardFigures,
  type NamedMatrix,
  nextSnapshotNumber,
  publishSnapshot,
  readManifest,
  readServedSnapshot,
  type Snapshot,
  type SnapshotManifest,
  servedSnapshot,
  serveSnapshot,
} from '@headwater/snapshot'
import type { ExampleFile } from '../examples/example-file.ts'
import { weighLabels } from '../examples/known-labels.ts'
import type { PanelRows } from '../examples/panel-sampler.ts'
import { projectBatch } from '../examples/project-batch.ts'
import { allocateExamples, type TrainingBatch } from '../examples/training-batch.ts'
import type { PublicationOptions } from '../options/publication-options.ts'
import { comparePanel, frameOf } from './compare-panel.ts'
import { forwardFigures } from './forward-figures.ts'
import { judge } from './gate.ts'
import { published } from './memory-turn.ts'
import { Scorer, scoreRows } from './scorer.ts'
import { snapshotTower } from './snapshot-tower.ts'

/** What is to be published, and on what it is judged. */
export interface Candidate {
  readonly device: GpuDevice
  readonly space: FeatureSpace
  readonly tower: Tower
  /** On the device; they are read, not changed. */
  readonly weights: Weights
  /** The same weights, in the tower's own coordinates. */
  readonly matrices: readonly NamedMatrix[]
  readonly examples: ExampleFile
  /** Examples `from … to − 1`, on which neither this tower nor the served one was trained. */
  readonly heldBack: { readonly from: number; readonly to: number }
  /** Of the panel's users. */
  readonly panel: PanelRows
  readonly dataCutoffMs: number
  readonly trainedRows: number
  /** Of all events fed. */
  readonly log: SnapshotManifest['log']
  /** Of the last round, ms since 1970: labels of delayed tasks were known up to then. */
  readonly cutoffMs: number
  /** A snapshot's vectors were held on to while it was trained. */
  readonly isTaught: boolean
}

export interface Publication {
  /** Of the new snapshot, be it served or held. */
  readonly directory: string
  readonly manifest: SnapshotManifest
}

/**
 * Publishes a candidate as the model's next snapshot.
 * @throws SchemaChangeError where the schema is not one that may follow the served snapshot's; DivergedError,
 * SafetensorsError where weights, vectors or predictions are not finite; SnapshotError where the served snapshot is damaged
 * or the disk takes no more. The served snapshot stays served then.
 */
export async function publish(
  candidate: Candidate,
  modelDirectory: string,
  options: PublicationOptions,
): Promise<Publication> {
  const { space, tower, matrices, trainedRows, dataCutoffMs } = candidate
  const parent = (await servedSnapshot(modelDirectory)) === null ? null : await readServedSnapshot(modelDirectory)
  if (parent) checkSchemaChange(parent.schema, space.schema)
  const panel = readPanel(candidate)
  const tensors = new Map(matrices.map((matrix) => [matrix.name, matrix]))
  const own = ownItemVectors(tower.config, space.user, tensors)
  const { device, weights } = candidate
  const open = () => new UserEncoder(device, { tower: tower.user, weights })
  const compared = { layout: space.user, panel, items: own, open }
  const openParent = (snapshot: Snapshot) => snapshotTower(() => device, snapshot)
  const { figures, items, alignment, none } = await comparePanel(compared, parent, openParent, options)
  const forward = await compareForward(candidate, parent)
  const snapshot = await nextSnapshotNumber(modelDirectory)
  const parentNumber = parent?.manifest.snapshot ?? null
  // What was done of what was asked for: the first snapshot has nothing to be in line with.
  const [rotated, unrotated] = candidate.isTaught
    ? (['both', 'distillation'] as const)
    : (['procrustes', 'none'] as const)
  const notes =
    parent?.manifest.external === undefined
      ? []
      : ['The served tower was made elsewhere and predicts nothing: predictions are not compared with its.']
  const about = {
    snapshot,
    frame: frameOf(snapshot, parent, figures, options),
    dataCutoffMs,
    trainedRows,
    config: tower.config,
    log: candidate.log,
    codeVersion: options.codeVersion,
    parent: parentNumber,
    alignment: alignment ? rotated : unrotated,
    panel: figures,
    items,
    forward,
    verdict: judge({ parent: parentNumber, panel: figures, noPanel: none, forward, notes }, options.gate),
  }
  const itemVectors = own && published(own, alignment?.weight ?? null)
  const extras = { alignment, items: itemVectors, panel, panelUsers: candidate.panel.users }
  const directory = await publishSnapshot(modelDirectory, space.schema, matrices, about, extras)
  if (about.verdict.status === 'published') await serveSnapshot(modelDirectory, snapshot, 'gate')
  return { directory, manifest: await readManifest(directory) }
}

/** The panel's user rows, null where there are none. */
function readPanel({ space, examples, panel: { rows } }: Candidate): SideBatch | null {
  if (rows.length === 0) return null
  return examples.read(rows, 0, rows.length, allocateExamples(space, rows.length)).user
}

/** Scores the held-back rows by both towers; null where there are none. */
async function compareForward(candidate: Candidate, parent: Snapshot | null): Promise<ForwardFigures | null> {
  const { device, space, tower, weights, heldBack, cutoffMs } = candidate
  if (heldBack.to <= heldBack.from) return null
  const delaysMs = space.tasks.map(({ delayMs }) => delayMs)
  const T = delaysMs.length
  const labels = new Uint8Array((heldBack.to - heldBack.from) * T)
  const labelWeights = new Float32Array(labels.length)
  const logits = await scoreHeldBack(candidate, space, tower, weights, (batch, done) => {
    weighLabels(batch, delaysMs, { previousMs: Number.NEGATIVE_INFINITY, cutoffMs }, () => false)
    labels.set(batch.labels.subarray(0, batch.rows * T), done * T)
    labelWeights.set(batch.labelWeights.subarray(0, batch.rows * T), done * T)
  })
  let parentLogits: Float32Array | null = null
  // One that was made elsewhere has no mix tower to predict by.
  if (parent && parent.manifest.external === undefined) {
    const oldSpace = compileFeatures(parent.schema)
    const oldTower = declareTower(oldSpace.user, oldSpace.item, parent.schema.tasks.length, snapshotConfig(parent))
    const oldWeights = device.allOrNothing(() => new Weights(device, oldTower.set, false))
    try {
      writeWeights(oldWeights, parent)
      parentLogits = await scoreHeldBack(candidate, oldSpace, oldTower, oldWeights)
    } finally {
      oldWeights.dispose()
    }
  }
  const tasks = space.schema.tasks.map(({ name }) => name)
  return forwardFigures(tasks, logits, parentLogits, labels, labelWeights)
}

/**
 * Logits [R, T] of the held-back rows, for a tower of the same or an older schema.
 * @param use called with the rows, batch by batch; the batch is filled anew each time
 */
async function scoreHeldBack(
  { device, examples, space: ofRows, heldBack }: Candidate,
  space: FeatureSpace,
  tower: Tower,
  weights: Weights,
  use: (batch: TrainingBatch, done: number) => void = () => {},
): Promise<Float32Array> {
  const tasks = space.schema.tasks.length
  const order = Uint32Array.from({ length: heldBack.to - heldBack.from }, (_, i) => heldBack.from + i)
  const logits = new Float32Array(order.length * tasks)
  const into = allocateExamples(ofRows, scoreRows)
  const scorer = device.allOrNothing(() => new Scorer(device, tower, weights, scoreRows))
  try {
    for (let done = 0; done < order.length; done += scoreRows) {
      const batch = examples.read(order, done, Math.min(order.length, done + scoreRows), into)
      const user = projectBatch(ofRows.user, space.user, batch.user)
      const item = projectBatch(ofRows.item, space.item, batch.item)
      logits.set(await scorer.score({ ...batch, user, item }), done * tasks)
      use(batch, done)
    }
  } finally {
    scorer.dispose()
  }
  return logits
}
