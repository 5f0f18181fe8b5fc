import type { Command } from '@commander-js/extra-typings'
import { userDirectory } from '../../files/paths.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { count } from '../../terminal/format.ts'
import { type Diagnosis, diagnose } from './diagnosis.ts'

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('say what this machine has, what is missing and the command that mends it')
    .option('--json <file>', 'also write the findings as JSON')
    .action(async (options) => {
      const json = jsonFile(options)
      const diagnosis = await diagnose({ directory: userDirectory() })
      await printResult(describeDiagnosis(diagnosis), json, diagnosis)
      if (!diagnosis.ok) process.exitCode = 1
    })
}

/** A line or two a check, then the adapter's features and limits. */
export function describeDiagnosis({ ok, checks, adapter }: Diagnosis): string {
  const lines: string[] = []
  for (const check of checks) {
    lines.push(`${check.ok ? 'ok     ' : 'MISSING'}  ${check.name.padEnd(10)}  ${check.found}`)
    if (check.remedy) lines.push(`${' '.repeat(21)}→ ${check.remedy}`)
  }
  if (adapter) {
    const { asked, had, used } = adapter.features
    const missing = asked.filter((feature) => !had.includes(feature))
    lines.push('', `Features  used     ${used.join(', ')}`)
    if (missing.length > 0) lines.push(`          not had  ${missing.join(', ')}`)
    for (const [name, value] of Object.entries(adapter.limits))
      lines.push(`Limit     ${name.padEnd(34)} ${count(value).padStart(14)}`)
  }
  lines.push(
    '',
    ok ? 'Everything that Headwater needs is here.' : 'Something is missing; the arrows say what mends it.',
  )
  return `${lines.join('\n')}\n`
}
