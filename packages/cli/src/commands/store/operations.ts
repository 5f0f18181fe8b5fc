/** What each `headwater store` command does. The store is loaded when one runs. */

import { userPlace, userUrl } from '../../arguments/store-url.ts'
import { checkOutputFile } from '../../files/output.ts'
import { userPath } from '../../files/paths.ts'
import { type JsonOption, jsonFile, printResult } from '../../files/result.ts'
import { stoppable } from '../../terminal/stoppable.ts'
import {
  renderBackup,
  renderCheck,
  renderCompaction,
  renderRaised,
  renderReceipt,
  renderRestore,
  renderStats,
  renderTransfer,
} from './tables.ts'

export interface StoreCommandOptions extends JsonOption {
  readonly tenant?: string
}

/** A command that this kind of store does not have. */
class StoreKindError extends Error {
  override readonly name = 'StoreKindError'
}

const nothingWritten = 'nothing was written'
const goesOn = 'what was written stays, and the same command goes on from there'

export async function check(url: string, options: StoreCommandOptions): Promise<void> {
  const json = jsonFile(options)
  const { checkStoreAt } = await import('@headwater/store')
  const report = await stoppable(nothingWritten, (session) => checkStoreAt(userUrl(url), session))
  await printResult(renderCheck(report), json, { ...report, tenants: Object.fromEntries(report.tenants) })
  if (report.faults.length > 0) process.exitCode = 1
}

export async function stats(url: string, options: StoreCommandOptions): Promise<void> {
  const json = jsonFile(options)
  const { storeStats } = await import('@headwater/store')
  const report = await stoppable(nothingWritten, (session) => storeStats(userUrl(url), session))
  await printResult(renderStats(report), json, report)
}

export async function compact(url: string, options: StoreCommandOptions): Promise<void> {
  const json = jsonFile(options)
  const [, path] = /^(?:tiered:[^:]*:)?lmdb:([^?]+)$/s.exec(url) ?? []
  if (path === undefined) throw new StoreKindError('only an LMDB store is compacted; give "lmdb:PATH".')
  const { compactLmdb } = await import('@headwater/store')
  const report = await stoppable('the store is as it was', async ({ stages, signal }) => {
    let begun = false
    const onProgress = ({ copied, total }: { readonly copied: number; readonly total: number }) => {
      if (!begun) stages.begin('compact', total)
      begun = true
      stages.advance(copied)
    }
    const done = await compactLmdb(userPath(path), { signal, onProgress })
    if (begun) stages.end()
    return done
  })
  await printResult(renderCompaction(report), json, report)
}

export async function copy(from: string, to: string, options: StoreCommandOptions): Promise<void> {
  const json = jsonFile(options)
  const { copyStore } = await import('@headwater/store')
  const report = await stoppable(goesOn, (session) =>
    copyStore(userUrl(from), userUrl(to), { ...session, ...tenantOf(options) }),
  )
  await printResult(renderTransfer(report), json, report)
  if (report.faults.count > 0 || report.verified.behind > 0) process.exitCode = 1
}

export async function backup(url: string, file: string, options: StoreCommandOptions): Promise<void> {
  const json = jsonFile(options)
  const path = userPath(file)
  checkOutputFile('<file>', path)
  const { backupStore } = await import('@headwater/store')
  const report = await stoppable(nothingWritten, (session) =>
    backupStore(userUrl(url), path, { ...session, ...tenantOf(options) }),
  )
  await printResult(renderBackup(report), json, report)
  if (report.faults.count > 0) process.exitCode = 1
}

export async function tombstones(url: string, file: string, options: StoreCommandOptions): Promise<void> {
  const json = jsonFile(options)
  const path = userPath(file)
  checkOutputFile('<file>', path)
  const { backupTombstones } = await import('@headwater/store')
  const report = await stoppable(nothingWritten, (session) =>
    backupTombstones(userUrl(url), path, { ...session, ...tenantOf(options) }),
  )
  await printResult(renderBackup(report), json, report)
}

export async function restore(
  file: string,
  url: string,
  options: StoreCommandOptions & { readonly tombstones?: readonly string[] },
): Promise<void> {
  const json = jsonFile(options)
  const { restoreStore } = await import('@headwater/store')
  const places = (options.tombstones ?? []).map(userPlace)
  const report = await stoppable(goesOn, (session) =>
    restoreStore(userPath(file), userUrl(url), { ...session, ...tenantOf(options), tombstones: places }),
  )
  await printResult(renderRestore(report), json, report)
  if (report.faults.count > 0 || report.verified.behind > 0) process.exitCode = 1
}

export async function forget(url: string, user: string, options: StoreCommandOptions): Promise<void> {
  const json = jsonFile(options)
  const { openStore } = await import('@headwater/store')
  const store = await openStore(userUrl(url), tenantOf(options))
  try {
    const receipt = await store.forget(user)
    await store.flushed()
    await printResult(renderReceipt(receipt), json, receipt)
  } finally {
    await store.close()
  }
}

export async function raise(url: string, options: StoreCommandOptions): Promise<void> {
  const json = jsonFile(options)
  if (!/^valkeys?:/.test(url)) {
    throw new StoreKindError('only a Valkey store is raised; `headwater store copy` brings an LMDB store up to date.')
  }
  const { raiseFormat } = await import('@headwater/store')
  const raised = await raiseFormat(userUrl(url), options.tenant)
  await printResult(renderRaised(raised), json, raised)
}

function tenantOf({ tenant }: StoreCommandOptions): { readonly tenant?: string } {
  return tenant === undefined ? {} : { tenant }
}
