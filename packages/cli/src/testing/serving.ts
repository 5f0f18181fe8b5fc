/** `headwater serve` as a process of its own, on a model that was trained for the test. */
import { cpSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, createClient } from '@headwater/client'
import type { Schema } from '@headwater/features'
import { ItemVectors, publishSnapshot, readSnapshot, serveSnapshot, snapshotDirectory } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { runCommandLine } from '../commands/program.ts'
import { Child, launcher } from './child.ts'
import { clickSchema, clicks, writeClickLog } from './click-log.ts'
import { tinyModel } from './tiny-model.ts'

/** @returns directory of a model with snapshots 1 and 2 */
export async function trainModel(home: string, schema: Schema = clickSchema): Promise<string> {
  const trained = join(home, 'model')
  writeClickLog(home, clicks(600), schema)
  writeFileSync(join(home, 'tiny.json'), JSON.stringify(tinyModel))
  const path = (name: string) => join(home, name)
  const data = ['--data', path('clicks.csv'), '--schema', path('schema.json'), '--every', '5h', '--batch-rows', '128']
  const code = await runCommandLine(['train', ...data, '--out', trained, '--config', path('tiny.json')])
  if (code !== 0 || !readdirSync(trained).includes('snapshot-000002')) throw new Error('the model was not trained')
  return trained
}

/** Snapshot 2 again as one that the gate held. */
export async function holdCopy(model: string, snapshot: number): Promise<void> {
  const { manifest, schema, matrices, alignment, panel } = await readSnapshot(snapshotDirectory(model, 2))
  const { format: _, ...about } = manifest
  const verdict = { status: 'held', reasons: ['The test holds it.'], notes: [] } as const
  await publishSnapshot(model, schema, [...matrices.values()], { ...about, snapshot, verdict }, { alignment, panel })
}

/** Snapshot 2 again as one with item vectors, each of one number, the snapshot's. */
export async function publishItems(model: string, snapshot: number): Promise<void> {
  const { manifest, schema, matrices } = await readSnapshot(snapshotDirectory(model, 2))
  const layout = { learnt: 0, width: 1, heads: [{ coefficients: 0, intercept: 1 }] }
  const items = new ItemVectors(layout, new Float32Array(16).fill(snapshot))
  await publishSnapshot(model, schema, [...matrices.values()], { ...manifest, snapshot }, { items })
}

export interface Serving {
  readonly child: Child
  /** That the command runs in. */
  readonly directory: string
  readonly model: string
  readonly url: string
  readonly client: Client
}

/** A new directory with a copy of the model that serves snapshot 1, as `model`. */
export async function servingDirectory(trained: string): Promise<string> {
  const directory = temporaryDirectory()
  cpSync(trained, join(directory, 'model'), { recursive: true })
  await serveSnapshot(join(directory, 'model'), 1, 'gate')
  return directory
}

/**
 * Runs the command in a directory, on WebGPU where the test names no encoder, and resolves once it serves.
 *
 * @param entering as of `Child`
 */
export async function startServing(
  directory: string,
  args: readonly string[],
  program = launcher,
  entering: readonly string[] = [],
): Promise<Serving> {
  const usual = ['--store', 'lmdb:store', '--port', '0', '--encoder', 'webgpu']
  const child = new Child(program, ['serve', ...usual, ...args], directory, {}, '', entering)
  await child.until(() => child.stdout.includes('Serving'))
  const url = /on (https?:\S+),/.exec(child.stdout)![1]
  const client = createClient({ url, deadlineMs: 10_000 })
  return { child, directory, model: join(directory, 'model'), url, client }
}

export const clickOf = (user: string, timeMs: number, click: number) => ({
  users: [user],
  items: ['i1'],
  timesMs: [timeMs],
  fields: { price: [2.5], click: [click] },
})

/** The first read that knows of features of a time, and of a snapshot if one is named. */
export async function untilServed(client: Client, user: string, timeMs: number, snapshot?: number, model = 'sum') {
  for (;;) {
    const [answer] = (await client.read([user], [model], { latest: true })).models
    const isNew = answer.featureTimeMs[0] >= timeMs && (snapshot === undefined || answer.snapshot[0] === snapshot)
    if (isNew) return answer
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
