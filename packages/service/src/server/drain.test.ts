/** A service that ends while many callers ask on, each on a connection that it keeps, and opens another where it is told to. */
import { Agent, request } from 'node:http'
import { expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { startService } from '../../testing/listening-service.ts'

const body = JSON.stringify({ users: ['a'], models: ['m'] })
const headers = { authorization: `Bearer ${tokenOf.reader}`, 'content-type': 'application/json' }

/** @returns the status of the answer and whether it closes the connection, or the code of the error */
function read(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(`${url}/v1/embeddings/read`, { method: 'POST', agent, headers }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve(`${answer.statusCode} ${answer.headers.connection}`))
    })
    asked.on('error', ({ code }: NodeJS.ErrnoException) => resolve(String(code)))
    asked.end(body)
  })
}

it('answers every request that it took a connection for, and tells callers to close theirs', async () => {
  for (let round = 0; round < 2; round++) {
    const { url, server } = await startService({ limits: { drainMs: 100 } })
    const agent = new Agent({ keepAlive: true, maxSockets: 32 })
    const seen = new Map<string, number>()
    const count = (outcome: string) => seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
    const callers = Array.from({ length: 32 }, async (_, caller) => {
      for (let outcome = ''; outcome !== 'ECONNREFUSED'; count(outcome)) {
        outcome = await read(url, agent)
        // Some think before they ask again.
        if (caller % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })
    while ((seen.get('200 keep-alive') ?? 0) < 200) await new Promise((resolve) => setTimeout(resolve, 1))
    await server.close()
    await Promise.all(callers)
    agent.destroy()
    expect(seen.get('ECONNREFUSED')).toBe(32)
    expect(seen.get('503 close')).toBeGreaterThanOrEqual(32)
    const others = [...seen.keys()].filter((outcome) => outcome !== 'ECONNREFUSED')
    expect(others.filter((outcome) => !['200 keep-alive', '200 close', '503 close'].includes(outcome))).toEqual([])
  }
})
