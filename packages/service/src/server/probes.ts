import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WireError } from '@headwater/client/wire'
import type { EncoderStatus } from '@headwater/pooling'
import type { FastifyInstance } from 'fastify'
import { refusalOf } from '../failures/refusal.ts'
import { createListener } from '../listener/listener.ts'
import { limitsOf } from '../requests/limits.ts'
import { compilingIn } from '../routes/health.ts'

const paths: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz'])
/** Who probes has a connection or two. */
const limits = limitsOf({ maxConnections: 64, arrivalTimeoutMs: 2_000 })

export interface ProbesOptions {
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
  /** How the encoder fares while the service starts; undefined where there is none, or not yet. */
  readonly encoder: () => EncoderStatus | undefined
}

export interface Probes {
  readonly address: AddressInfo
  /** From now on a service answers, also once it is closed. Resolves when it can. @param service not closed yet */
  serve(service: FastifyInstance): Promise<void>
  close(): Promise<void>
}

/**
 * Answers `/healthz` and `/readyz` on a port of their own, in plain HTTP: connections to the service, however many, take none of its.
 * Until there is a service, the process lives and is not ready. To be closed last, so that it tells of the end, too.
 *
 * @throws Error of `listen`, where the port is taken
 */
export async function listenForProbes({ host, port, encoder }: ProbesOptions): Promise<Probes> {
  let answer: RequestListener = (request, response) => {
    if (request.url === '/healthz') {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}')
      return
    }
    const problem = new WireError('not_ready', `the server is starting${compilingIn(encoder())}`)
    const { headers, body } = refusalOf(problem, request.headers)
    response.writeHead(problem.status, headers).end(body)
  }
  const listener = createListener(limits, undefined, (request, response) => {
    if (paths.has(request.url)) answer(request, response)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve, reject) => listener.once('error', reject).listen({ host, port }, resolve))
  return {
    address: listener.address() as AddressInfo,
    serve: async (service) => {
      await service.ready()
      answer = (request, response) => service.routing(request, response)
    },
    close: async () => {
      listener.close()
      listener.closeAllConnections()
    },
  }
}
