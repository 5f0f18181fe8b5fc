/** The command that another tells its user to type next. */
import { execFileSync } from 'node:child_process'
import { createProgram } from '../commands/program.ts'

/** @throws Error where none was told */
export function nextCommand(stdout: string): string {
  const [, command] = /^Next(?:, [\w ]+)?: (.*)$/m.exec(stdout) ?? []
  if (command === undefined) throw new Error(`no next command in:\n${stdout}`)
  return command
}

/** The words that a shell hands to `npx`. */
export function wordsOf(command: string): readonly string[] {
  const script = `npx() { printf '%s\\0' "$@"; }\n${command}`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1)
}

/** Has the command line parsed, and nothing done. @returns the command's name and options @throws CommanderError */
export async function parsed(command: string) {
  const [npx, ...words] = wordsOf(command)
  if (npx !== 'headwater') throw new Error(`this is no command of headwater: ${command}`)
  const program = createProgram()
  const seen: { name: string; options: Readonly<Record<string, unknown>> }[] = []
  for (const one of program.commands) one.action(() => void seen.push({ name: one.name(), options: one.opts() }))
  await program.parseAsync([...words], { from: 'user' })
  return seen[0]
}
