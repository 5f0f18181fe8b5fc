/** What changed from one snapshot of a model to another. */
import { compileFeatures } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { snapshotConfig } from '@headwater/runtime'
import { type PanelFigures, type SchemaChange, type Snapshot, schemaChanges } from '@headwater/snapshot'
import { LayoutError, projectBatch } from '../examples/project-batch.ts'
import { panelFigures } from './panel-figures.ts'
import { snapshotTower } from './snapshot-tower.ts'

export interface ConfigChange {
  /** As in `user.levels.0.norm`. */
  readonly path: string
  /** Undefined where it is in one of the two only. */
  readonly before: unknown
  readonly after: unknown
}

export interface TensorChange {
  readonly name: string
  readonly change: 'added' | 'removed' | 'reshaped' | 'moved'
  /** ‖after − before‖ ÷ ‖before‖ in the towers' own coordinates; null where the shapes differ or `before` is all zero. */
  readonly relativeL2: number | null
}

export interface SnapshotComparison {
  readonly schema: readonly SchemaChange[]
  readonly config: readonly ConfigChange[]
  readonly tensors: readonly TensorChange[]
  /** Published vectors over the panel of the later one; `unalignedResidual` is not known here. */
  readonly panel: Omit<PanelFigures, 'unalignedResidual'> | null
  /** Why there are no figures of the panel. */
  readonly noPanel: string | null
}

/**
 * @param device asked for where one of the two is a tower of ours
 * @param before the older of the two; the panel is that of `after`
 * @throws SnapshotError, ModelConfigError, ExternalTowerError, DeviceLostError
 */
export async function compareSnapshots(
  device: () => Promise<GpuDevice>,
  before: Snapshot,
  after: Snapshot,
): Promise<SnapshotComparison> {
  return {
    schema: schemaChanges(before.schema, after.schema),
    config: configChanges(madeAs(before), madeAs(after)),
    tensors: tensorChanges(before, after),
    ...(await comparePanels(device, before, after)),
  }
}

/** What a tower is made by. */
const madeAs = (snapshot: Snapshot): object => snapshot.manifest.external ?? snapshotConfig(snapshot)

function leaves(value: unknown, path = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]]
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === '' ? key : `${path}.${key}`))
}

function configChanges(before: object, after: object): ConfigChange[] {
  const [old, now] = [new Map(leaves(before)), new Map(leaves(after))]
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((path) => old.get(path) !== now.get(path))
    .map((path) => ({ path, before: old.get(path), after: now.get(path) }))
}

function tensorChanges(before: Snapshot, after: Snapshot): TensorChange[] {
  const names = new Set([...before.matrices.keys(), ...after.matrices.keys()])
  return [...names].map((name) => {
    const [old, now] = [before, after].map(({ matrices }) => matrices.get(name))
    if (!old) return { name, change: 'added', relativeL2: null }
    if (!now) return { name, change: 'removed', relativeL2: null }
    if (old.rows !== now.rows || old.cols !== now.cols) return { name, change: 'reshaped', relativeL2: null }
    const moved = now.data.reduce((sum, value, i) => sum + (value - old.data[i]) ** 2, 0)
    const size = old.data.reduce((sum, value) => sum + value ** 2, 0)
    const still = moved > 0 ? null : 0
    return { name, change: 'moved', relativeL2: size > 0 ? Math.sqrt(moved / size) : still }
  })
}

async function comparePanels(device: () => Promise<GpuDevice>, before: Snapshot, after: Snapshot) {
  const none = (noPanel: string) => ({ panel: null, noPanel })
  if (!after.panel) return none(`Snapshot ${after.manifest.snapshot} has no panel.`)
  const events = schemaChanges(before.schema, after.schema).find(
    ({ feature, allowed }) => feature === 'sequence' && !allowed,
  )
  if (events) return none(`Their sequences differ: ${events.what}.`)
  const towers = [await snapshotTower(device, before)]
  try {
    towers.push(await snapshotTower(device, after))
    const [old, now] = towers
    if (old.dim !== now.dim) return none(`Vectors are ${old.dim} and ${now.dim} numbers long.`)
    const [from, to] = [after, before].map(({ schema }) => compileFeatures(schema).user)
    const vectors = await old.encode(projectBatch(from, to, after.panel))
    const moved = await now.encode(after.panel)
    const { unalignedResidual: _, ...panel } = panelFigures(vectors, moved, moved, old.dim)
    return { panel, noPanel: null }
  } catch (cause) {
    if (cause instanceof LayoutError) return none(cause.message)
    throw cause
  } finally {
    for (const tower of towers) await tower.dispose()
  }
}
