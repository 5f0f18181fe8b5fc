import { messages } from '@headwater/client/schemas'
import { WireError } from '@headwater/client/wire'
import type { Outcome } from '@headwater/pooling'
import type { ServerLimits } from '../requests/limits.ts'
import { checkOf } from './message-check.ts'

const check = checkOf(messages.OutcomesRequest)

/**
 * Outcomes of one downstream model, as a body of columns has them.
 *
 * @param latestMs times after this are refused
 * @throws WireError `invalid_request`, `invalid_key`, `invalid_outcome`, `batch_too_large`
 */
export function parseOutcomesMessage(
  body: unknown,
  limits: Pick<ServerLimits, 'maxEvents'>,
  latestMs: number,
): { readonly downstream: string; readonly outcomes: readonly Outcome[] } {
  const { downstream, requests, users = null, predictions, labels, timesMs } = check(body, limits)
  const outcomes = requests.map((request, row): Outcome => {
    const timeMs = timesMs[row]
    if (timeMs > latestMs)
      throw new WireError('invalid_outcome', `timesMs[${row}] is ${timeMs}; give a time that has come`)
    const label = labels[row] as Outcome['label']
    return { downstream, request, user: users?.[row] ?? null, prediction: predictions[row], label, timeMs }
  })
  return { downstream, outcomes }
}
