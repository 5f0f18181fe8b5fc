/** Shape letters: R rows. */
import type { Schema, SideBatch, SideLayout } from '@headwater/features'
import type { ExternalTowerError } from '../errors/external-tower-error.ts'
import type { InputMap } from '../map/input-map.ts'
import type { Vocabulary } from '../vocabulary/vocabulary.ts'

/** Makes one input of rows. */
export interface Filler {
  /** Shape of one row; [] for a number. */
  readonly dims: readonly number[]
  /** Numbers [R, dims]. */
  fill(batch: SideBatch): Float64Array
  /** Whether the numbers are rows of a table, which an input of floats does not take. */
  readonly areRows?: true
  /** Whether the numbers pass 65,504, the largest of float16, in the ordinary course. */
  readonly passesHalf?: true
  /** Of rows of a table and of a calendar, the least and the most. */
  readonly extremes?: readonly number[]
  /** Of ids through a vocabulary, how many of a batch's keys that one has. */
  coverage?(batch: SideBatch): { readonly known: number; readonly keys: number }
  /** Of ids through a vocabulary. */
  readonly vocabulary?: Vocabulary
}

/** What the fillers of a map are made with. */
export interface FillerContext {
  readonly schema: Schema
  /** The schema's user side. */
  readonly layout: SideLayout
  readonly map: InputMap
  /** Keys by name of the vocabulary. */
  readonly keys: ReadonlyMap<string, readonly string[]>
  /** An error about the input that is made. */
  fail(reason: string, remedy: string): ExternalTowerError
}
