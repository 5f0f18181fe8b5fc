/** How snapshots are printed. */
import type {
  ExternalTower,
  ItemFigures,
  ItemVectors,
  PanelFigures,
  ServedEntry,
  Snapshot,
  SnapshotManifest,
} from '@headwater/snapshot'
import type { SnapshotComparison } from '@headwater/training'
import { count, table } from '../../terminal/format.ts'

/** A snapshot in a list; damaged ones are listed too. */
export interface ListedSnapshot {
  readonly snapshot: number
  readonly current: boolean
  readonly manifest: SnapshotManifest | null
  /** What is wrong with it. */
  readonly damage: string | null
}

const none = '–'
const figure = (value: number | null | undefined, digits = 4) =>
  value === null || value === undefined ? none : value.toFixed(digits)
const time = (ms: number | null) => (ms === null ? none : `${new Date(ms).toISOString().slice(0, 19)}Z`)

/** Columns named in `right` end at one line, as numbers do. */
const namedTable = (head: readonly string[], rows: readonly (readonly string[])[], right: readonly string[]) =>
  table([head, ...rows], (column) => right.includes(head[column]))

/** A line a snapshot; an arrow marks the one that is served. */
export function renderList(snapshots: readonly ListedSnapshot[]): string {
  const head = ['', 'snapshot', 'frame', 'made', 'rows', 'NE', 'NE before', 'residual', 'verdict']
  const rows = snapshots.map(({ snapshot, current, manifest, damage }) => {
    const marker = current ? '→' : ''
    if (!manifest) return [marker, String(snapshot), none, none, none, none, none, none, `damaged: ${damage}`]
    const task = manifest.forward?.tasks[0]
    return [
      marker,
      String(snapshot),
      String(manifest.frame),
      time(manifest.publishedMs),
      count(manifest.trainedRows),
      figure(task?.ne),
      figure(task?.parentNe),
      figure(manifest.panel?.residual),
      manifest.verdict.status,
    ]
  })
  return namedTable(head, rows, ['snapshot', 'frame', 'rows', 'NE', 'NE before', 'residual'])
}

/** @param anew how all is measured that the version did not which made it */
function panelLines(
  panel: Omit<PanelFigures, 'unalignedResidual'> & { unalignedResidual?: number },
  anew = '',
): string[] {
  const unaligned =
    panel.unalignedResidual === undefined ? '' : ` (${figure(panel.unalignedResidual)} before alignment)`
  const norms = `mean norm ${figure(panel.oldNorm, 2)} → ${figure(panel.newNorm, 2)}`
  const first = `Panel      ${count(panel.users)} users: residual ${figure(panel.residual)}${unaligned},`
  if (panel.centredCosine === undefined)
    return [first, `           ${norms}`, `           Made before more was measured; ${anew} does it anew`]
  return [
    first,
    `           centred cosine ${figure(panel.centredCosine)}, variance kept ${figure(panel.varianceKept)},`,
    `           effective rank ${figure(panel.effectiveRank, 1)}, ${norms}`,
  ]
}

function itemLines({ buckets, layout }: ItemVectors, moved: ItemFigures | null): string[] {
  const residual = moved && `residual ${figure(moved.residual)} (${figure(moved.unalignedResidual)} before alignment)`
  const heads = layout.heads.map(({ coefficients, intercept }) => `${coefficients} … ${intercept}`).join(', ')
  return [
    `Items      ${count(buckets)} vectors of ${layout.width}${residual ? `: ${residual}` : ''}`,
    `           for the coefficients and intercepts in numbers ${heads}`,
  ]
}

function externalLines({ model, producer, opset, embeddings, map, vocabularies }: ExternalTower): string[] {
  const { inputs } = map as { readonly inputs: Readonly<Record<string, { readonly from: string }>> }
  return [
    `Model      ${model}, ${producer === '' ? 'of an unknown maker' : `by ${producer}`}, opset ${opset}`,
    `Gives      ${embeddings.count} × ${embeddings.width} numbers a user`,
    ...Object.entries(inputs).map(([name, { from }], i) => `${i === 0 ? 'Inputs' : '      '}     ${name}: ${from}`),
    ...Object.values(vocabularies).map((file, i) => `${i === 0 ? 'Keys' : '    '}       ${file}`),
  ]
}

/** Everything about one snapshot. */
export function renderSnapshot(
  { directory, manifest, schema, matrices, alignment, items }: Snapshot,
  history: readonly ServedEntry[],
): string {
  const { forward, panel, verdict, config, external } = manifest
  const served = history.filter(({ snapshot }) => snapshot === manifest.snapshot)
  const current = history.at(-1)?.snapshot === manifest.snapshot
  const values = [...matrices.values()].reduce((sum, { data }) => sum + data.length, 0)
  const lines = [
    `Snapshot   ${manifest.snapshot}${current ? ', served' : ''}`,
    `Directory  ${directory}`,
    `Made       ${time(manifest.publishedMs)}, format ${manifest.format}`,
    `Trained    ${external ? 'elsewhere' : `on ${count(manifest.trainedRows)} rows`}; depends on none after ${time(manifest.dataCutoffMs)}`,
    ...(manifest.log ? [`Log        ${count(manifest.log.rows)} rows, digest ${manifest.log.digest}`] : []),
    ...(manifest.codeVersion ? [`Code       ${manifest.codeVersion}`] : []),
    `Frame      ${manifest.frame}`,
    `Compared   ${manifest.parent === null ? 'with none' : `with snapshot ${manifest.parent}`}`,
    `Alignment  ${manifest.alignment}${alignment ? `, ${alignment.dim} × ${alignment.dim}` : ''}`,
    ...(panel ? panelLines(panel, `\`headwater snapshots diff MODEL ${manifest.parent} ${manifest.snapshot}\``) : []),
    ...(items ? itemLines(items, manifest.items) : []),
    ...(forward ? [`Held back  ${count(forward.rows)} rows`] : []),
    `Verdict    ${verdict.status}`,
    ...verdict.reasons.map((reason) => `           ${reason}`),
    ...verdict.notes.map((note) => `           Note: ${note}`),
    ...served.map(
      ({ sinceMs, by }) => `Served     since ${time(sinceMs)}, by ${by === 'gate' ? 'the gate' : 'promotion'}`,
    ),
    `Schema     ${schema.name}: ${schema.fields.length} fields, ${schema.aggregations.length} aggregations, ${schema.tasks.length} tasks`,
    ...(external ? externalLines(external) : [`Config     ${JSON.stringify(config)}`]),
    ...(external ? [] : [`Weights    ${matrices.size} tensors, ${count(values)} values`]),
  ]
  const tasks = forward?.tasks.map((task) => [
    task.task,
    count(task.positives),
    figure(task.ne),
    figure(task.parentNe),
    figure(task.neStandardError),
    figure(task.calibration),
    figure(task.parentCalibration),
  ])
  const head = ['task', 'positives', 'NE', 'NE before', '± difference', 'calibration', 'before']
  const tensors = [...matrices.values()].map(({ name, rows, cols }) => [name, `${rows} × ${cols}`])
  return [
    `${lines.join('\n')}\n`,
    ...(tasks ? [namedTable(head, tasks, head.slice(1))] : []),
    ...(external ? [] : [namedTable(['tensor', 'shape'], tensors, ['shape'])]),
  ].join('\n')
}

/** What changed between two snapshots. */
export function renderComparison(before: number, after: number, comparison: SnapshotComparison): string {
  const { schema, config, tensors, panel, noPanel } = comparison
  const lines = [`Snapshot ${before} → ${after}`]
  if (schema.length === 0) lines.push('Schema     the same')
  for (const { feature, what, allowed } of schema)
    lines.push(`Schema     ${feature} ${what}${allowed ? '' : ' (not allowed in one model)'}`)
  if (config.length === 0) lines.push('Config     the same')
  for (const change of config)
    lines.push(
      `Config     ${change.path}: ${JSON.stringify(change.before) ?? none} → ${JSON.stringify(change.after) ?? none}`,
    )
  lines.push(...(panel ? panelLines(panel) : [`Panel      ${noPanel}`]))
  const rows = tensors.map(({ name, change, relativeL2 }) => [name, change === 'moved' ? figure(relativeL2) : change])
  return `${lines.join('\n')}\n\n${namedTable(['tensor', 'relative L2'], rows, ['relative L2'])}`
}
