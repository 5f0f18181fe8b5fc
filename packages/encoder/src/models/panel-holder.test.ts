/** Who is forgotten while a training publishes is in no panel afterwards, whichever of the two was first. */
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { space } from '@headwater/pooling/testing/towers'
import { presets } from '@headwater/runtime'
import {
  forgottenUsers,
  panelUserHash,
  panelUserText,
  publishSnapshot,
  snapshotDirectory,
  snapshotsWith,
} from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test, vi } from 'vitest'
import { PanelsBusyError, panelHolder } from './panel-holder.ts'

const matrices = [{ name: 'weight', rows: 1, cols: 1, data: Float32Array.of(1) }]

/** A snapshot whose panel is to have a row of each user. */
function publish(model: string, snapshot: number, users: readonly string[]): Promise<string> {
  const about = { snapshot, frame: 1, dataCutoffMs: 0, trainedRows: 0, config: presets.small }
  const extras = {
    panel: space.allocate('user', users.length),
    panelUsers: Uint32Array.from(users.flatMap(panelUserHash)),
  }
  return publishSnapshot(model, space.schema, matrices, about, extras)
}

const removed = (count: number) => [{ what: 'panel row', count }]

test('a user leaves the panels that are there, and is in none that is published later', async () => {
  const model = temporaryDirectory()
  const holder = panelHolder(model)
  await publish(model, 1, ['ann', 'bob'])
  expect(await holder.forget('default', 'ann', Date.now())).toEqual(removed(1))
  // Of whom no panel has a row yet.
  expect(await holder.forget('default', 'eve', Date.now())).toEqual(removed(0))
  const second = await publish(model, 2, ['ann', 'bob', 'eve'])
  for (const user of ['ann', 'eve']) {
    expect(await snapshotsWith(model, user)).toEqual([])
    expect(await holder.forget('default', user, Date.now())).toEqual(removed(0))
  }
  expect(await snapshotsWith(model, 'bob')).toEqual([snapshotDirectory(model, 1), second])
})

test('a snapshot whose panel is being written is waited for', async () => {
  const model = temporaryDirectory()
  const elsewhere = await publish(temporaryDirectory(), 1, ['ann', 'bob'])
  const partial = join(model, `.publishing-1-${process.pid}`)
  renameSync(elsewhere, partial)
  const holder = panelHolder(model)
  const forgetting = holder.forget('default', 'ann', Date.now())
  // Whoever publishes from here on knows of it.
  await vi.waitFor(async () =>
    expect(await forgottenUsers(model)).toEqual(new Set([panelUserText(panelUserHash('ann'))])),
  )
  renameSync(partial, snapshotDirectory(model, 1))
  expect(await forgetting).toEqual(removed(1))
  expect(await snapshotsWith(model, 'bob')).toHaveLength(1)

  // One that was killed is nobody's, and one that does not end is told of.
  renameSync(await publish(temporaryDirectory(), 1, ['eve']), join(model, '.publishing-2-4194304'))
  expect(await holder.forget('default', 'eve', Date.now())).toEqual(removed(0))
  renameSync(await publish(temporaryDirectory(), 1, ['eve']), join(model, `.publishing-3-${process.pid}`))
  await expect(holder.forget('default', 'eve', Date.now())).rejects.toThrow(PanelsBusyError)
})

test('at whatever moment of a publication', async () => {
  const model = temporaryDirectory()
  const holder = panelHolder(model)
  const random = seededRandom(3)
  for (let snapshot = 1; snapshot <= 20; snapshot++) {
    const user = `user ${snapshot}`
    const publishing = publish(model, snapshot, [user, 'other'])
    await wait(random.nextFloat() * 30)
    await holder.forget('default', user, Date.now())
    await publishing
    expect(await snapshotsWith(model, user), user).toEqual([])
  }
  expect(await snapshotsWith(model, 'other')).toHaveLength(20)
})
