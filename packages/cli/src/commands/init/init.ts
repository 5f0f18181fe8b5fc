import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import type { Command } from '@commander-js/extra-typings'
import type { Inspection, KnownRoles, Roles } from '@headwater/datasets'
import { CommandError } from '../../arguments/command-error.ts'
import { joinOption } from '../../arguments/log-options.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import { outputFile, writeOutputFiles } from '../../files/output.ts'
import { userDirectory, userPath } from '../../files/paths.ts'
import { jsonFile, jsonText, printResult } from '../../files/result.ts'
import { nextStep } from '../../terminal/next-step.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { stoppable } from '../../terminal/stoppable.ts'
import { askChanges, isYes } from './ask.ts'
import { openQuestions } from './questions.ts'
import { proposalText, rolesText } from './words.ts'

const help = `
Where one of several files has each value of a column once, it is joined to the others by that column.
`

const declare = (program: Command) =>
  program
    .command('init')
    .description('look at a log of your own and write the schema that describes it')
    .requiredOption(
      '--data <file...>',
      'the log, a file or a glob: Parquet, CSV, TSV, JSON, JSONL; or it and its tables',
    )
    .addOption(joinOption())
    .option('--schema <file>', 'where the schema goes', 'schema.json')
    .option('--user <column>', 'who met an item, where it is not found')
    .option('--item <column>', 'what was met')
    .option('--time <column>', 'when')
    .option('--outcome <column>', 'what came of it')
    .option('--yes', 'take all that is proposed, without asking', false)
    .option('--force', 'write over a schema that is there', false)
    .option('--json <file>', 'also write what was found as JSON')
    .addHelpText('after', help)

type InitOptions = OptionsOf<typeof declare>

/** Adds `headwater init`: a schema from a look at the log. */
export const registerInit = (program: Command) => declare(program).action(init)

async function init(options: InitOptions): Promise<void> {
  const json = jsonFile(options)
  const path = outputFile('--schema', options.schema)
  if (existsSync(path) && !options.force)
    throw new CommandError(`--schema: ${path} is there; --force writes over it, or name another file.`)
  const isAsked = !options.yes && process.stdin.isTTY === true && process.stdout.isTTY === true
  const [{ inspectLog }, { parseSchema }] = await Promise.all([
    import('@headwater/datasets'),
    import('@headwater/features'),
  ])
  const { text, found } = await stoppable('nothing was written', async ({ stages, signal, atEnd }) => {
    stages.begin('look', 0)
    const inspection = await inspectLog({
      data: options.data.map(userPath),
      join: options.join,
      signal,
      onProgress: (share) => stages.advance(share),
    })
    atEnd(() => inspection.close())
    stages.end()
    const given = await inspection.rolesWith(changesOf(options))
    const questions = isAsked ? openQuestions(signal) : null
    atEnd(() => questions?.close())
    process.stdout.write(rolesText(shown(inspection.data), inspection.join.map(shown), inspection.rows, given))
    const roles =
      questions === null ? given : await inspection.rolesWith(await askChanges(questions.ask, inspection, given))
    const known = checkKnown(inspection, roles)
    const { schema, reasons } = await inspection.propose(known)
    parseSchema(schema, path)
    const isWritten = options.yes || (questions !== null && (await isYes(questions.ask, `Write ${shown(path)}?`)))
    if (isWritten) writeOutputFiles(new Map([[path, jsonText(schema)]]))
    const command = nextCommand(inspection, path)
    const end = isWritten
      ? `Written: ${shown(path)}\n${nextStep(command)}`
      : 'Nothing is written. Add --yes to take it as it is; --user, --item, --time or --outcome COLUMN change what is what.\n'
    const { user, item, time, outcome, fields, doubts } = known
    const { data, join, rows } = inspection
    const figures = { version: 1, data, join, rows, roles: { user, item, time, outcome }, fields, reasons, doubts }
    return {
      text: `${proposalText(reasons, doubts)}${end}`,
      found: { ...figures, schema, written: isWritten ? path : null, command },
    }
  })
  await printResult(text, json, found)
}

function changesOf({ user, item, time, outcome }: InitOptions) {
  return {
    ...(user !== undefined && { user }),
    ...(item !== undefined && { item }),
    ...(time !== undefined && { time }),
    ...(outcome !== undefined && { outcome }),
  }
}

/** @throws CommandError where a role that a schema needs has no column */
function checkKnown({ profiles }: Inspection, roles: Roles): KnownRoles {
  const { user, item, time } = roles
  const names = profiles.map(({ name }) => `"${name}"`).join(', ')
  const missing = (role: string, what: string) =>
    new CommandError(`no column tells ${what}; name it by --${role} COLUMN. The columns are ${names}.`)
  if (user === null) throw missing('user', 'who the user is')
  if (item === null) throw missing('item', 'what the item is')
  if (time === null) throw missing('time', 'when it was')
  return { ...roles, user, item, time }
}

/** A path as the user would type it. */
function shown(path: string): string {
  const near = relative(userDirectory(), path)
  return near.startsWith('..') ? path : near
}

function nextCommand({ data, join }: Inspection, schema: string): string {
  const joins = join.flatMap((file) => ['--join', shellWord(shown(file))])
  return ['npx headwater run --data', shellWord(shown(data)), ...joins, '--schema', shellWord(shown(schema))].join(' ')
}
