/** A process to be killed in a directory that has a store: `node transfer-command.ts compact|backup`. */
import { backupStore, compactLmdb, StoreError } from '../src/index.ts'

const commands: Readonly<Record<string, () => Promise<unknown>>> = {
  compact: () => compactLmdb('store'),
  backup: () => backupStore('lmdb:store', 'backup'),
}

try {
  await commands[process.argv[2]]()
  console.log('done')
  process.exit()
} catch (error) {
  if (!(error instanceof StoreError)) throw error
  console.error(`${error.name}: ${error.message}`)
  process.exit(1)
}
