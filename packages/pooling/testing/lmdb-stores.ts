import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '@headwater/store'
import { afterAll } from 'vitest'

const directory = mkdtempSync(join(tmpdir(), 'headwater-pooling-'))
let opened = 0
export const openLmdb = () => openStore(`lmdb:${join(directory, `store.${opened++}`)}`)
afterAll(() => rmSync(directory, { recursive: true, force: true }))
