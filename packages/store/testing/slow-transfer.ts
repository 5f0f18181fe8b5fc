/**
 * A transfer to be killed: `node slow-transfer.ts copy FROM TO` or `restore FILE URL`. It prints a line a batch of records
 * that is on the disk, and waits a little after each.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Driver } from '../src/drivers/driver.ts'
import { openDriver, openForReading } from '../src/drivers/open-driver.ts'
import { restoreRecords } from '../src/transfer/backup/restore-store.ts'
import { copyRecords } from '../src/transfer/copy-store.ts'

const [kind, from, to] = process.argv.slice(2)
const target = slow(await openDriver(to))
if (kind === 'copy') await copyRecords(await openForReading(from), target, {})
else await restoreRecords(from, {}, (restore) => restore(target))

function slow(driver: Driver): Driver {
  const write = driver.write.bind(driver)
  driver.write = async (tenant, groups) => {
    const outcomes = await write(tenant, groups)
    await driver.flushed()
    process.stdout.write('batch\n')
    await wait(20)
    return outcomes
  }
  return driver
}
