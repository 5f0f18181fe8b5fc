/** The models and towers of the experiment `sharing`: one tower for several models against one for each. */
import type { DownstreamSpec, ModelName, RowChoice } from '../../downstream/family.ts'
import { isDrawable, type LabLog } from '../../lab/log/lab-log.ts'
import type { LabelSet } from '../../lab/upstream/label-sets.ts'
import type { UpstreamPlan } from '../../lab/upstream/upstream.ts'
import { standardUpstream } from '../common-arms.ts'

/** Models of the portfolio that the log has enough users of both classes for, the narrow ones first; in a quick run four. */
export function sharingModels(lab: LabLog): readonly DownstreamSpec[] {
  const fit = lab.portfolio.filter(({ name }) => canHave(lab, name))
  return lab.quick ? [...fit.slice(0, 3), ...fit.slice(3).slice(-1)] : fit
}

function canHave({ test }: LabLog, name: ModelName): boolean {
  const rows = test.models[name]
  return rows.trained > 0 && isDrawable(test, rows)
}

/** Numbers of models that a tower is shared by, the first of them each: all in a full run, 1, 2, 4, 8 in a quick one. */
export function sharedBy(lab: LabLog): readonly number[] {
  const count = sharingModels(lab).length
  const all = Array.from({ length: count }, (_, i) => i + 1)
  return lab.quick ? all.filter((m) => m === count || Number.isInteger(Math.log2(m))) : all
}

/** The tower of these models: taught each task of theirs on all rows that any of them brings to it, and nothing else. */
export function towerPlan(lab: LabLog, seed: number, models: readonly DownstreamSpec[]): UpstreamPlan {
  const labels = labelSets(lab, models)
  const isStandard = labels.length === lab.space.tasks.length && labels.every(({ rows }) => rows[0].kind === 'all')
  // So that it is not trained twice where another experiment has it.
  return isStandard ? standardUpstream(seed) : { ...standardUpstream(seed), labels }
}

/** A set a task, in the schema's order. */
export function labelSets(lab: LabLog, models: readonly DownstreamSpec[]): readonly LabelSet[] {
  const tasks = [...new Set(models.map(({ task }) => task))].sort((a, b) => a - b)
  return tasks.map((task) => {
    const choices = models.filter((spec) => spec.task === task).map(({ rows }) => rows)
    return { task, rows: union(lab, choices) }
  })
}

function union({ surfaceValues }: LabLog, choices: readonly RowChoice[]): readonly RowChoice[] {
  const distinct = [...new Map(choices.map((rows) => [JSON.stringify(rows), rows])).values()]
  const surfaces = distinct.filter(({ kind }) => kind === 'surface')
  const isWhole =
    distinct.some(({ kind }) => kind === 'all') || (surfaceValues && surfaces.length === surfaceValues.values.length)
  return isWhole ? [{ kind: 'all' }] : distinct
}
