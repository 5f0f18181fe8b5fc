import type { Command } from 'commander'
import { storeExamples } from './examples.ts'
import { backup, check, compact, copy, forget, raise, restore, stats, tombstones } from './operations.ts'

const urls = `
A store is named by its URL:
  lmdb:PATH                          a directory
  valkey://[user:password@]host:port a Valkey cluster or server; valkeys:// over TLS
`

/** Adds `headwater store check|stats|compact|copy|backup|restore|tombstones|forget|raise`. */
export function registerStore(program: Command): void {
  const store = program
    .command('store')
    .description('check, copy, back up and tidy a store of embeddings')
    .addHelpText('after', urls)
  const command = (name: keyof typeof storeExamples, description: string) =>
    store
      .command(name)
      .description(description)
      .option('--json <file>', 'also write it as JSON')
      .addHelpText('after', `${urls}\nExample:\n${indented(storeExamples[name])}`)
  command('check', 'verify every record; exit code 1 where one is at fault').argument('<url>', 'store').action(check)
  command('stats', 'what a store holds: users, rings of each model, bytes, snapshots and frames in use')
    .argument('<url>', 'store')
    .action(stats)
  command('compact', 'write an LMDB store anew, without free pages and what was removed')
    .argument('<url>', 'lmdb:PATH')
    .action(compact)
  command('copy', 'copy a store into another; stopped and run again, it goes on')
    .argument('<from>', 'store')
    .argument('<to>', 'store')
    .option('--tenant <name>', 'only this tenant')
    .action(copy)
  command('backup', 'write a store into one file')
    .argument('<url>', 'store')
    .argument('<file>', 'is replaced when the new one is whole')
    .option('--tenant <name>', 'only this tenant')
    .action(backup)
  command('restore', 'bring a backup into a store, once all of it was checked')
    .argument('<file>', 'backup')
    .argument('<url>', 'store')
    .option('--tenant <name>', 'only this tenant')
    .option('--tombstones <file or url...>', 'users forgotten since: a file of `store tombstones`, or the store')
    .action(restore)
  command('tombstones', 'write which users were forgotten, by digest and time, for restores of older backups')
    .argument('<url>', 'store')
    .argument('<file>', 'is replaced when the new one is whole')
    .option('--tenant <name>', 'only this tenant')
    .action(tombstones)
  command('forget', 'remove all that a store holds of a user, and print the receipt')
    .argument('<url>', 'store')
    .argument('<user>', 'key')
    .option('--tenant <name>', 'default: default')
    .action(forget)
  store
    .command('raise')
    .description(
      'end a rolling upgrade: servers started from now on write the newest format, which older ones cannot read',
    )
    .argument('<url>', 'valkey://host:port')
    .option('--json <file>', 'also write it as JSON')
    .option('--tenant <name>', 'default: default')
    .addHelpText('after', `${urls}\nExample:\n  $ headwater store raise valkey://10.0.0.1\n`)
    .action(raise)
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}
