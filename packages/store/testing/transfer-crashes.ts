/** Compaction and backup, killed at all of its renames and syncs, and on a disk that is full there. */
import { deepStrictEqual } from 'node:assert'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CrashScenario } from '@headwater/testkit/disk-faults'
import { backupStore, openStore, restoreStore } from '../src/index.ts'
import { CrashModel, heldBy } from './crash-model.ts'
import { performOperation } from './perform-operation.ts'

const program = fileURLToPath(new URL('transfer-command.ts', import.meta.url))
const [early, late] = [150, 300]

/** What a store must hold after so many operations of a seed. */
function heldAfter(seed: number, operations: number): string {
  const model = new CrashModel(seed)
  while (model.done < operations) model.advance()
  return model.held()
}

async function heldAt(url: string): Promise<string> {
  const store = await openStore(url)
  try {
    deepStrictEqual((await store.check()).faults, [])
    return await heldBy(store)
  } finally {
    await store.close()
  }
}

async function heldInBackup(directory: string): Promise<string> {
  const scratch = join(directory, 'scratch')
  await restoreStore(join(directory, 'backup'), `lmdb:${scratch}`)
  const held = await heldAt(`lmdb:${scratch}`)
  rmSync(scratch, { recursive: true })
  return held
}

/** Names that a job left in its directory and in the store's. */
function leftoversIn(directory: string): readonly string[] {
  const names = [...readdirSync(directory), ...readdirSync(join(directory, 'store'))]
  return names.filter((name) => !['backup', 'store', 'data.mdb', 'lock.mdb'].includes(name))
}

/** @param seed of the operations that the store has seen */
export function transferCrashes(seed: number): readonly CrashScenario[] {
  const [before, after] = [heldAfter(seed, early), heldAfter(seed, late)]
  const scenario = (command: string, check: CrashScenario['check']): CrashScenario => ({
    name: command,
    program: [program, command],
    prepare: async (directory) => {
      const url = `lmdb:${join(directory, 'store')}`
      const store = await openStore(url)
      for (let n = 1; n <= late; n++) {
        await performOperation(store, seed, n)
        if (n !== early) continue
        await store.flushed()
        await backupStore(url, join(directory, 'backup'))
      }
      await store.close()
    },
    check: async (directory, run, isWhole) => {
      deepStrictEqual(await heldAt(`lmdb:${join(directory, 'store')}`), after)
      await check(directory, run, isWhole)
      if (isWhole) deepStrictEqual(leftoversIn(directory), [])
    },
  })
  return [
    scenario('compact', async () => {}),
    scenario('backup', async (directory, _, isWhole) => {
      const held = await heldInBackup(directory)
      if (isWhole || held !== before) deepStrictEqual(held, after)
    }),
  ]
}
