import { keyProblem, kindOf, WireError } from '@headwater/client/wire'

/** What is said of a value that is no key. @param where the place of it */
export function keyError(value: unknown, where: string): WireError {
  if (typeof value !== 'string') return new WireError('invalid_request', `${where} is ${kindOf(value)}; give a text`)
  return new WireError('invalid_key', `${where} ${keyProblem(value)}; give 1 to 512 bytes of UTF-8 without NUL`)
}

/** @throws WireError `invalid_key` */
export function checkKey(key: string, where: string): void {
  if (keyProblem(key) !== null) throw keyError(key, where)
}
