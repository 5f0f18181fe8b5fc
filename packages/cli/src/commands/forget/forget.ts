import type { Command } from '@commander-js/extra-typings'
import type { Receipt } from '@headwater/client'
import { serviceClient, serviceCommand } from '../../client/service-options.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { renderReceipt } from '../store/tables.ts'

const deadlineMs = 10_000

export function registerForget(program: Command): void {
  serviceCommand(program, 'forget', 'remove all that a running service holds of a user, and print the receipt')
    .argument('<user>', 'key')
    .action(async (user, options) => {
      const json = jsonFile(options)
      const client = await serviceClient(options, deadlineMs)
      const { ClientError } = await import('@headwater/client')
      const receipt = await client.forget(user).catch((cause: unknown) => {
        if (cause instanceof ClientError && cause.code === 'forget_incomplete') return cause.details as Receipt
        throw cause
      })
      const failed = receipt.failed.map(({ where, reason }) => `failed  ${where}: ${reason}\n`)
      if (failed.length > 0) failed.push('The user is not forgotten everywhere: run the command again.\n')
      await printResult(renderReceipt(receipt) + failed.join(''), json, receipt)
      if (failed.length > 0) process.exitCode = 1
    })
}
