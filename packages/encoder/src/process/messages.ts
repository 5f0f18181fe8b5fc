/** What a process and its encoder tell each other. */
import type { BackendTower } from './backend.ts'
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
  /** Tells of a `load` under way, before each kernel that is compiled: a `Compiling`. */
  compiling: 8,
} as const

export type LoadMessage = { readonly directory: string }

export type LoadedMessage = Pick<BackendTower, 'manifest' | 'schema' | 'dim'>

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
