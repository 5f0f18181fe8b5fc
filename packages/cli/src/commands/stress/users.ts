/** Whose embeddings a stress asks for. */
import { isUtf8 } from 'node:buffer'
import { CommandError } from '../../arguments/command-error.ts'
import { readInput } from '../../files/input.ts'

export const maxUsers = 1_000_000
const maxFileBytes = 2 ** 28
const maxKeyBytes = 512

/** `user-0`, `user-1`, … */
export function madeUpKeys(users: number): string[] {
  return Array.from({ length: users }, (_, user) => `user-${user}`)
}

/** One key a line; empty lines are passed over. @throws CommandError, InputFileError */
export function readKeys(path: string): string[] {
  const bytes = readInput('--keys', path)
  if (bytes.length > maxFileBytes)
    throw new CommandError(`--keys: ${path} has ${bytes.length} bytes; give at most ${maxFileBytes}.`)
  if (!isUtf8(bytes)) throw new CommandError(`--keys: ${path} is no UTF-8.`)
  const keys: string[] = []
  for (const [i, line] of bytes.toString().split(/\r?\n/).entries()) {
    if (line === '') continue
    if (Buffer.byteLength(line) > maxKeyBytes || line.includes('\0'))
      throw new CommandError(`--keys: ${path}, line ${i + 1} is no key; give 1 to ${maxKeyBytes} bytes without NUL.`)
    if (keys.push(line) > maxUsers)
      throw new CommandError(`--keys: ${path} has more than ${maxUsers} keys; give fewer.`)
  }
  if (keys.length === 0) throw new CommandError(`--keys: ${path} has no keys; give one a line.`)
  return keys
}
