import type { Connection } from './connection.ts'
import type { Reply } from './request.ts'

/** Replies to requests; an error or no reply within the time is null. */
export function ask(connection: Connection, requests: readonly string[], timeoutMs: number): Promise<(Reply | null)[]> {
  return new Promise((resolve) => {
    const replies = new Array<Reply | null>(requests.length).fill(null)
    let open = requests.length
    const settle = () => {
      if (--open === 0) finish()
    }
    const timer = setTimeout(() => {
      connection.markSilent()
      finish()
    }, timeoutMs)
    const finish = () => {
      clearTimeout(timer)
      resolve(replies)
    }
    const sent = connection.send(requests.join(''), requests.length, {
      reply: (place, reply) => {
        replies[place] = reply
        settle()
      },
      refuse: settle,
      lose: settle,
    })
    if (!sent) finish()
  })
}
