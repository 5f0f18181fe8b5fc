import { type AnsweredModel, type Client, createClient, type ErrorAnswer, type VectorEncoding } from '@headwater/client'
import { afterEach } from 'vitest'
import { openService, type ServiceOptions, tokenOf } from './http-service.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A service that listens, with clients; it is closed after the test. */
export async function startService(options: ServiceOptions = {}) {
  const service = await openService(options)
  const url = await service.listen()
  closers.push(() => service.close())
  const clientOf = (token: string) => createClient({ url, token, encoding: 'f32', deadlineMs: 5_000 })
  return { ...service, url, clientOf, boss: clientOf(tokenOf.boss) }
}

export const eventAt = (user: string, rating: number, timeMs = Date.now()) => ({
  users: [user],
  items: ['i'],
  timesMs: [timeMs],
  fields: { rating: [rating] },
})

/** Reads a user until something is held of it. */
export async function untilHeld(client: Client, user: string) {
  for (;;) {
    const answer = await client.read([user], ['m'], { latest: true })
    if (answer.models[0].status[0] === 0) return answer
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** An answer in JSON: of a read, or what a request was refused with. */
interface JsonAnswer extends ErrorAnswer {
  readonly models: readonly JsonModel[]
}

type JsonModel = Pick<AnsweredModel, 'model' | 'dim'> & { readonly encoding: VectorEncoding } & {
  readonly [Column in Exclude<keyof AnsweredModel, 'model' | 'dim'>]: readonly number[]
}

/** A JSON request and its answer. */
export async function ask(url: string, path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${tokenOf.boss}`, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as JsonAnswer }
}

/** Reads of the store that wait until they are let go; later ones do not wait. */
export function holdReads() {
  const waiting: (() => void)[] = []
  let isHolding = true
  return {
    around: <S extends object>(store: S): S =>
      new Proxy(store, {
        get(target, name) {
          const value = Reflect.get(target, name)
          if (typeof value !== 'function') return value
          if (name !== 'read' || !isHolding) return value.bind(target)
          return async (...args: unknown[]) => {
            await new Promise<void>((resolve) => waiting.push(resolve))
            return Reflect.apply(value, target, args)
          }
        },
      }),
    until: async (count: number) => {
      while (waiting.length < count) await new Promise((resolve) => setTimeout(resolve, 1))
    },
    release: () => {
      isHolding = false
      for (const go of waiting.splice(0)) go()
    },
  }
}
