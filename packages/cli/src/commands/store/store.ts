import type { Command } from '@commander-js/extra-typings'
import { CommandError } from '../../arguments/command-error.ts'
import { userPlace, userUrl } from '../../arguments/store-url.ts'
import { outputFile } from '../../files/output.ts'
import { userPath } from '../../files/paths.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { partOptions } from '../../parts/part-options.ts'
import { type Stoppable, stoppable } from '../../terminal/stoppable.ts'
import { storeExamples } from './examples.ts'
import { exportStore } from './export-vectors.ts'
import {
  renderBackup,
  renderCheck,
  renderCompaction,
  renderExport,
  renderRaised,
  renderReceipt,
  renderRestore,
  renderStats,
  renderTransfer,
} from './tables.ts'

const urls = `
A store is named by its URL:
  lmdb:PATH                          a directory
  valkey://[user:password@]host:port a Valkey cluster or server; valkeys:// over TLS
`

const nothingWritten = 'nothing was written'
const goesOn = 'what was written stays, and the same command goes on from there'

/** Adds `headwater store check|stats|compact|copy|backup|restore|tombstones|export|forget|raise`. */
export function registerStore(program: Command): void {
  const store = program
    .command('store')
    .description('check, copy, back up and tidy a store of embeddings')
    .addHelpText('after', urls)
  const command = (name: keyof typeof storeExamples, description: string) => {
    const added: Command = store.command(name)
    return added
      .description(description)
      .option('--json <file>', 'also write it as JSON')
      .addHelpText('after', `${urls}\nExample:\n${storeExamples[name].replace(/^(?=.)/gm, '  ')}`)
  }

  command('check', 'verify every record; exit code 1 where one is at fault')
    .argument('<url>', 'store')
    .action((url, options) =>
      report(options, nothingWritten, {
        work: ({ checkStoreAt }, session) => checkStoreAt(userUrl(url), session),
        render: renderCheck,
        json: (check) => ({ ...check, tenants: Object.fromEntries(check.tenants) }),
        isBad: ({ faults }) => faults.length > 0,
      }),
    )

  command('stats', 'what a store holds: users, rings of each model, bytes, snapshots and frames in use')
    .argument('<url>', 'store')
    .action((url, options) =>
      report(options, nothingWritten, {
        work: ({ storeStats }, session) => storeStats(userUrl(url), session),
        render: renderStats,
      }),
    )

  command('compact', 'write an LMDB store anew, without free pages and what was removed')
    .argument('<url>', 'lmdb:PATH')
    .action((url, options) =>
      report(options, 'the store is as it was', {
        work: ({ compactLmdb }, { stages, signal }) => {
          const [, path] = /^(?:tiered:[^:]*:)?lmdb:([^?]+)$/s.exec(url) ?? []
          if (path === undefined) throw new CommandError('only an LMDB store is compacted; give "lmdb:PATH".')
          let begun = false
          const onProgress = ({ copied, total }: { readonly copied: number; readonly total: number }) => {
            if (!begun) stages.begin('compact', total)
            begun = true
            stages.advance(copied)
          }
          return compactLmdb(userPath(path), { signal, onProgress }).finally(() => begun && stages.end())
        },
        render: renderCompaction,
      }),
    )

  command('copy', 'copy a store into another; stopped and run again, it goes on')
    .argument('<from>', 'store')
    .argument('<to>', 'store')
    .option('--tenant <name>', 'only this tenant')
    .action((from, to, options) =>
      report(options, goesOn, {
        work: ({ copyStore }, session) => copyStore(userUrl(from), userUrl(to), { ...session, ...tenantOf(options) }),
        render: renderTransfer,
        isBad: isIncomplete,
      }),
    )

  command('backup', 'write a store into one file')
    .argument('<url>', 'store')
    .argument('<file>', 'is replaced when the new one is whole')
    .option('--tenant <name>', 'only this tenant')
    .action((url, file, options) => {
      const path = outputFile('<file>', file)
      return report(options, nothingWritten, {
        work: ({ backupStore }, session) => backupStore(userUrl(url), path, { ...session, ...tenantOf(options) }),
        render: (found) => renderBackup(found, path),
        isBad: ({ faults }) => faults.count > 0,
      })
    })

  command('restore', 'bring a backup into a store, once all of it was checked')
    .argument('<file>', 'backup')
    .argument('<url>', 'store')
    .option('--tenant <name>', 'only this tenant')
    .option('--tombstones <file or url...>', 'users forgotten since: a file of `store tombstones`, or the store')
    .action((file, url, options) => {
      const tombstones = (options.tombstones ?? []).map(userPlace)
      return report(options, goesOn, {
        work: ({ restoreStore }, session) =>
          restoreStore(userPath(file), userUrl(url), { ...session, ...tenantOf(options), tombstones }),
        render: renderRestore,
        isBad: isIncomplete,
      })
    })

  command('tombstones', 'write which users were forgotten, by digest and time, for restores of older backups')
    .argument('<url>', 'store')
    .argument('<file>', 'is replaced when the new one is whole')
    .option('--tenant <name>', 'only this tenant')
    .action((url, file, options) => {
      const path = outputFile('<file>', file)
      return report(options, nothingWritten, {
        work: ({ backupStore }, session) =>
          backupStore(userUrl(url), path, { ...session, ...tenantOf(options), onlyTombstones: true }),
        render: (found) => renderBackup(found, path),
      })
    })

  partOptions(command('export', 'write the vectors of a model as Parquet or .npz; stopped and run again, it goes on'))
    .argument('<url>', 'store')
    .argument('<dir>', 'for the files; new, or that of an export that was stopped')
    .option('--tenant <name>', 'of the users', 'default')
    .option('--latest', 'the newest vector of each user, in place of the average that reads serve')
    .action((url, directory, { latest = false, frame, ...options }) =>
      report(options, goesOn, {
        work: (_, session) => exportStore(userUrl(url), directory, { ...options, latest, frame }, session),
        render: renderExport,
        isBad: ({ damaged }) => damaged > 0,
      }),
    )

  command('forget', 'remove all that a store holds of a user, and print the receipt')
    .argument('<url>', 'store')
    .argument('<user>', 'key')
    .option('--tenant <name>', 'default: default')
    .action(async (url, user, options) => {
      const json = jsonFile(options)
      const { openStore } = await import('@headwater/store')
      const opened = await openStore(userUrl(url), tenantOf(options))
      try {
        const receipt = await opened.forget(user)
        await opened.flushed()
        await printResult(renderReceipt(receipt), json, receipt)
      } finally {
        await opened.close()
      }
    })

  store
    .command('raise')
    .description(
      'end a rolling upgrade: servers started from now on write the newest format, which older ones cannot read',
    )
    .argument('<url>', 'valkey://host:port')
    .option('--json <file>', 'also write it as JSON')
    .option('--tenant <name>', 'default: default')
    .addHelpText('after', `${urls}\nExample:\n  $ headwater store raise valkey://10.0.0.1\n`)
    .action(async (url, options) => {
      const json = jsonFile(options)
      if (!/^valkeys?:/.test(url))
        throw new CommandError('only a Valkey store is raised; `headwater store copy` brings an LMDB store up to date.')
      const { raiseFormat } = await import('@headwater/store')
      const raised = await raiseFormat(userUrl(url), options.tenant)
      await printResult(renderRaised(raised), json, raised)
    })
}

interface Reported<Found> {
  work(library: typeof import('@headwater/store'), session: Stoppable): Promise<Found>
  render(found: Found): string
  /** What `--json` has. Default: all. */
  json?(found: Found): unknown
  /** Whether the command fails by it. Default: never. */
  isBad?(found: Found): boolean
}

/** Runs a command that can be stopped. The store is loaded when one runs. @param left see `stoppable` */
async function report<Found>(
  options: { readonly json?: string },
  left: string,
  { work, render, json: shown = (found) => found, isBad = () => false }: Reported<Found>,
): Promise<void> {
  const json = jsonFile(options)
  const library = await import('@headwater/store')
  const found = await stoppable(left, (session) => work(library, session))
  await printResult(render(found), json, shown(found))
  if (isBad(found)) process.exitCode = 1
}

const isIncomplete = (report: {
  readonly faults: { readonly count: number }
  readonly verified: { readonly behind: number }
}) => report.faults.count > 0 || report.verified.behind > 0

const tenantOf = ({ tenant }: { readonly tenant?: string }) => (tenant === undefined ? {} : { tenant })
