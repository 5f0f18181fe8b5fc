/** What an arm of the experiment `alternatives` has in the tower's or in the ranking model's place. */
import { type FeatureSpace, schemaDefaults } from '@headwater/features'
import { ItemCounts } from '../downstream/item-counts.ts'
import type { DownstreamModel } from '../downstream/rows.ts'
import { TargetAttention } from '../downstream/target-attention.ts'
import type { LearnedPlan } from './learned-source.ts'

/** A model that predicts by itself, in the ranking model's place. */
export type OwnModelPlan =
  | { readonly kind: 'counts'; readonly shrinkage: number }
  | { readonly kind: 'attention'; readonly events: number; readonly rate: number; readonly penalty: number }

export interface AlternativePlan {
  /** Absent: what the arm's source serves. */
  readonly learned?: LearnedPlan
  /** Absent: the downstream models of the arm. */
  readonly model?: OwnModelPlan
}

export function ownModel({ item, schema }: FeatureSpace, plan: OwnModelPlan, seed: number): DownstreamModel {
  if (plan.kind === 'counts') return new ItemCounts(item, plan.shrinkage)
  const userBuckets = schema.userBuckets ?? schemaDefaults.userBuckets
  return new TargetAttention(item, { ...plan, userBuckets, seed })
}
