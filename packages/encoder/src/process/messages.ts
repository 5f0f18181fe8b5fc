/** What a process and its encoder tell each other. */
import type { Schema } from '@headwater/features'
import type { SnapshotManifest } from '@headwater/snapshot'
import type { Frame } from './frames.ts'

export const messageKind = {
  /** Asks: load the snapshot of a directory under a number. Answered by `loaded` or `failed`. */
  load: 1,
  /** Asks: drop a loaded snapshot. Not answered. */
  unload: 2,
  /** Asks: encode a batch's arrays. Answered by `vectors` or `failed`. */
  encode: 3,
  /** Tells once that the backend is there. */
  ready: 4,
  /** A `LoadedMessage`. */
  loaded: 5,
  /** f32 [rows, dim] */
  vectors: 6,
  /** A `FailedMessage`. */
  failed: 7,
} as const

export interface LoadMessage {
  readonly directory: string
}

export interface LoadedMessage {
  readonly manifest: SnapshotManifest
  readonly schema: Schema
  readonly dim: number
}

/** An error as it travels between processes, which keep no classes. */
export interface FailedMessage {
  readonly name: string
  readonly message: string
  /** The process can encode nothing more: it must be started again. */
  readonly fatal: boolean
}

export const toPayload = (message: object): Uint8Array => new TextEncoder().encode(JSON.stringify(message))

export const fromPayload = <Message>({ payload }: Frame): Message =>
  JSON.parse(new TextDecoder().decode(payload)) as Message
