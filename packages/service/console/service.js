/** Requests to the service that the page came from. */

/** What the service refused, with the code of its protocol. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message)
    this.name = 'Refusal'
    this.status = status
    this.code = code
  }
}

/** The tab's own, and gone with it. */
const tokenName = 'headwater-console-token'
let token = sessionStorage.getItem(tokenName)

/** @param {string | null} given */
export function useToken(given) {
  token = given
  if (given === null) sessionStorage.removeItem(tokenName)
  else sessionStorage.setItem(tokenName, given)
}

export const hasToken = () => token !== null

/**
 * @param {string} path relative to the page, so that a proxy may put the service below a path of its own
 * @param {unknown} [body] makes it a POST; null: one without a body
 * @returns {Promise<any>} the answer
 * @throws {Refusal} what the service refuses; TypeError or DOMException where it does not answer
 */
export async function ask(path, body) {
  const response = await fetch(path, {
    method: body === undefined ? 'GET' : 'POST',
    cache: 'no-store',
    credentials: 'same-origin',
    signal: AbortSignal.timeout(15_000),
    headers: {
      accept: 'application/json',
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && body !== null && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && body !== null && { body: JSON.stringify(body) }),
  })
  const answer = await response.json().catch(() => null)
  if (response.ok && answer !== null) return answer
  const { code = 'no_answer', message = `the answer was ${response.status}, and none of this service's` } =
    answer?.error ?? {}
  throw new Refusal(response.status, code, message)
}

/** @param {unknown} error */
export function refusalText(error) {
  if (error instanceof Refusal) return `${error.code}: ${error.message}`
  return 'The service did not answer. Try again once the page says that it is live.'
}
