/** What a user would do next, told at a command's end. */
import { isQuiet } from './quiet.ts'

/** A line, or nothing where none is wanted. @param where other than here */
export function nextStep(command: string, where?: string): string {
  return isQuiet('hints') ? '' : `Next${where === undefined ? '' : `, ${where}`}: ${command}\n`
}
