import type { Command } from '@commander-js/extra-typings'
import type { ReadAnswer } from '@headwater/client'
import { serviceClient, serviceCommand } from '../../client/service-options.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { table } from '../../terminal/format.ts'
import { nextStep } from '../../terminal/next-step.ts'

const deadlineMs = 10_000
/** Users of one call; a service takes 1,000 or more. */
const callUsers = 1_000
const statuses = ['fresh', 'stale', 'default'] as const

export function registerRead(program: Command): void {
  serviceCommand(program, 'read', 'what a running service serves of users: status, snapshot, age and embedding')
    .argument('<user...>', 'keys')
    .option('--model <name...>', 'default: all that are served')
    .action(async (users, options) => {
      const json = jsonFile(options)
      const client = await serviceClient(options, deadlineMs)
      const models = options.model ?? (await client.models()).map(({ model }) => model)
      const rows: Row[] = []
      for (let at = 0; at < users.length; at += callUsers) {
        const some = users.slice(at, at + callUsers)
        rows.push(...rowsOf(some, await client.read(some, models)))
      }
      // Models in turn, each with its users in the order given.
      const byModel = models.flatMap((model) => rows.filter((row) => row.model === model))
      const console = new URL('/console', options.url)
      await printResult(`${render(byModel)}${nextStep(`open ${console} in a browser`)}`, json, { rows: byModel })
    })
}

type Row = ReturnType<typeof rowsOf>[number]

/** What models serve of users. Nulls: nothing is held of the user. */
function rowsOf(users: readonly string[], { models }: ReadAnswer) {
  return models.flatMap(({ model, dim, vectors, status, ...columns }) =>
    users.map((user, row) => {
      const isHeld = statuses[status[row]] !== 'default'
      const held = (values: ArrayLike<number>) => (isHeld ? values[row] : null)
      return {
        model,
        user,
        status: statuses[status[row]],
        snapshot: held(columns.snapshot),
        frame: held(columns.frame),
        featureTimeMs: held(columns.featureTimeMs),
        ageMs: held(columns.ageMs),
        vector: Array.from(vectors.subarray(row * dim, (row + 1) * dim)),
      }
    }),
  )
}

function render(rows: readonly Row[]): string {
  const cells = rows.map(({ model, user, status, snapshot, ageMs, vector }) => [
    model,
    user,
    status,
    snapshot === null ? '–' : String(snapshot),
    ageMs === null ? '–' : ageText(ageMs),
    `[${vector
      .map((value, i) => (i < 4 ? value.toFixed(3) : '…'))
      .slice(0, 5)
      .join(', ')}]`,
  ])
  return table([['model', 'user', 'status', 'snapshot', 'age', 'embedding'], ...cells])
}

function ageText(ageMs: number): string {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ] as const
  const [unitMs, unit] = units.find(([ms]) => ageMs >= ms) ?? [1, 'ms']
  return `${(ageMs / unitMs).toFixed(unit === 'ms' ? 0 : 1)} ${unit}`
}
