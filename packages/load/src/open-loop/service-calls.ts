/** Calls of a load on a service, their bodies made beforehand, so that a call costs the load as little as it can. */
import { randomUUID } from 'node:crypto'
import { type ClientTls, type ExchangeRequest, nodeExchange } from '@headwater/client'
import { contentTypeOf, packMessage } from '@headwater/client/wire'
import { seededRandom } from '@headwater/statistics'

export interface LoadTarget {
  readonly url: string
  readonly token: string | null
  readonly tls: ClientTls
}

export interface LoadCalls {
  readonly target: LoadTarget
  readonly users: readonly string[]
  readonly models: readonly string[]
  /** Users of a read, drawn evenly. */
  readonly usersACall: number
  /** Of the calls, 0 … 1, that send an event of one user in place of a read. They change what the service holds. */
  readonly eventsShare: number
  readonly seed: number
}

/** Starts a call. Once its whole answer is there, `onEnd` gets what failed (`HTTP 429`, `ECONNRESET`, `no answer`) or null. */
export type StartCall = (onEnd: (failure: string | null) => void) => void

const readBodies = 512
/** A call that is answered later than this has failed. */
const answerMs = 10_000

/** @throws ClientError for a URL that is none */
export function loadCalls({ target, users, models, usersACall, eventsShare, seed }: LoadCalls): StartCall {
  const exchange = nodeExchange(target.url, target.tls)
  const random = seededRandom(seed)
  const draw = () => users[random.nextBelow(users.length)]
  const headers = {
    'content-type': contentTypeOf.msgpack,
    accept: contentTypeOf.msgpack,
    ...(target.token !== null && { authorization: `Bearer ${target.token}` }),
  }
  const bodies = Array.from({ length: readBodies }, () =>
    packMessage({ users: Array.from({ length: usersACall }, draw), models, encoding: 'f16' }),
  )
  const request = (): Omit<ExchangeRequest, 'signal'> => {
    if (random.nextFloat() >= eventsShare) {
      return { method: 'POST', path: '/v1/embeddings/read', headers, body: bodies[random.nextBelow(readBodies)] }
    }
    const event = { users: [draw()], items: ['stress'], timesMs: [Date.now()], ids: [randomUUID()], fields: {} }
    return { method: 'POST', path: '/v1/events', headers, body: packMessage(event) }
  }
  return (onEnd) => {
    exchange({ ...request(), signal: AbortSignal.timeout(answerMs) }).then(
      ({ status }) => onEnd(status === 200 ? null : `HTTP ${status}`),
      (error: { readonly code?: unknown }) => onEnd(typeof error.code === 'string' ? error.code : 'no answer'),
    )
  }
}

/** A service's `/metrics`, or null where the caller may not read them or no answer comes. */
export async function readMetrics({ url, token, tls }: LoadTarget): Promise<string | null> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` }
  const signal = AbortSignal.timeout(answerMs)
  try {
    const exchange = nodeExchange(url, tls)
    const { status, body } = await exchange({ method: 'GET', path: '/metrics', headers, body: null, signal })
    return status === 200 ? Buffer.from(body).toString('utf8') : null
  } catch {
    return null
  }
}
