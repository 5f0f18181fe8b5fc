import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { EvaluationResult } from '@headwater/evaluation'

const finals = fileURLToPath(new URL('../../../../../docs/results/finals.json', import.meta.url))

/**
 * Records that the last tenth of the bundled log was read, in a checkout: rows that are read often are chosen by.
 * @param path of the list; default: that of the checkout, if there is one
 * @returns a line that says so; empty where there is nothing to record
 */
export function recordFinal(
  {
    data,
    window,
    quick = false,
  }: { readonly data: string; readonly window?: string | undefined; readonly quick?: boolean | undefined },
  { startedAt, commit, command, experiments }: EvaluationResult,
  path = finals,
): string {
  if (data !== 'movietweetings' || window !== 'final' || quick || !existsSync(path)) return ''
  const answers = experiments.map(({ name, holds, seeds }) => ({ name, holds, seeds: seeds.length }))
  const list = [
    ...JSON.parse(readFileSync(path, 'utf8')),
    { date: startedAt.slice(0, 10), commit, command, experiments: answers },
  ]
  writeFileSync(path, `${JSON.stringify(list, null, 2)}\n`)
  return `Recorded as a final run: ${path}\n`
}
