import type { Command } from '@commander-js/extra-typings'
import type { ReadAnswer } from '@headwater/client'
import { serviceClient, serviceCommand } from '../../client/service-options.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { table } from '../../terminal/format.ts'

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
      await printResult(render(byModel), json, { rows: byModel })
    })
}

/** What a model serves of a user. Nulls: nothing is held of the user. */
interface Row {
  readonly model: string
  readonly user: string
  readonly status: (typeof statuses)[number]
  readonly snapshot: number | null
  readonly frame: number | null
  readonly featureTimeMs: number | null
  readonly ageMs: number | null
  readonly vector: readonly number[]
}

function rowsOf(users: readonly string[], { models }: ReadAnswer): Row[] {
  return models.flatMap(({ model, dim, vectors, status, snapshot, frame, featureTimeMs, ageMs }) =>
    users.map((user, row) => {
      const isHeld = statuses[status[row]] !== 'default'
      return {
        model,
        user,
        status: statuses[status[row]],
        snapshot: isHeld ? snapshot[row] : null,
        frame: isHeld ? frame[row] : null,
        featureTimeMs: isHeld ? featureTimeMs[row] : null,
        ageMs: isHeld ? ageMs[row] : null,
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
      .slice(0, 4)
      .map((value) => value.toFixed(3))
      .join(', ')}${vector.length > 4 ? ', …' : ''}]`,
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
