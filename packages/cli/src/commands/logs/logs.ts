import type { Command } from '@commander-js/extra-typings'
import { jsonFile, printResult } from '../../files/result.ts'
import { counted } from '../../terminal/format.ts'
import { stoppable } from '../../terminal/stoppable.ts'
import { exportServed, type ServedExport } from './export-served.ts'
import { declareExport } from './options.ts'

/** Adds `headwater logs export`. */
export function registerLogs(program: Command): void {
  const logs = program.command('logs').description('give what a service logged to other programs')
  declareExport(logs).action(async (log, directory, options) => {
    const json = jsonFile(options)
    const left = 'what was written stays, and the same command goes on from there'
    const found = await stoppable(left, (session) => exportServed(log, directory, options, session))
    await printResult(render(found), json, found)
  })
}

function render({ rows, frame, parts, directory, otherFrames, unanswered }: ServedExport): string {
  const of = frame === null ? '' : ` of frame ${frame}`
  const others = Object.entries(otherFrames).map(
    ([other, count]) => `left out: ${counted(count, 'rows')} of frame ${other}; --frame ${other} gives them\n`,
  )
  const none = unanswered > 0 ? `left out: ${counted(unanswered, 'rows')} of which nothing was served by then\n` : ''
  return `${counted(rows, 'rows')}${of} in ${counted(parts, 'files')}\n${others.join('')}${none}Written: ${directory}\n`
}
