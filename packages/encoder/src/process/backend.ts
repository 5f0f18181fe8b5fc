import type { Schema, SideBatch, SideLayout } from '@headwater/features'
import type { SnapshotManifest } from '@headwater/snapshot'

/** A snapshot's user tower, ready to run in the encoder's process. Shape letters: R rows. */
export interface BackendTower {
  readonly manifest: SnapshotManifest
  readonly schema: Schema
  /** Of the batches that `encode` takes: the schema's user side. */
  readonly layout: SideLayout
  readonly dim: number
  /**
   * @returns [R, dim] in published coordinates; a row's vector does not depend on the rows beside it
   * @throws an error whose `code` is `device-lost` where nothing more can be encoded: the process is started again then
   */
  encode(batch: SideBatch): Promise<Float32Array>
  dispose(): void | Promise<void>
}

/**
 * What an encoder process computes with. It is a module's `backend`: the process imports that module, so whatever the module
 * needs is loaded there and nowhere else.
 */
export interface EncoderBackend {
  /**
   * Loads a snapshot and makes it ready, so that no call has to wait for that.
   * @param directory of one snapshot
   * @param onCompile to be called before each kernel that a driver compiles: which one, from 1, of how many so far
   */
  load(directory: string, onCompile: (number: number, total: number) => void): Promise<BackendTower>
}

/** Where the tower is a snapshot's on WebGPU. */
export const webgpuBackend: URL = new URL(
  import.meta.url.endsWith('.ts') ? './webgpu-backend.ts' : './webgpu-backend.js',
  import.meta.url,
)
