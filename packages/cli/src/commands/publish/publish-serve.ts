/** `headwater publish --serve`: a model's snapshots, for servers that do not share its directory. */

import type { ServiceOptions } from '../../client/service.ts'
import { userPath } from '../../files/paths.ts'
import { stopSignal } from '../../terminal/stop-signal.ts'
import { read, ServeError } from '../serve/options.ts'

export interface PublishServeOptions extends Pick<ServiceOptions, 'tlsCert' | 'tlsKey'> {
  readonly host: string
  readonly port: number
  readonly tokens?: string
}

/** Serves until SIGTERM or SIGINT. @throws ServeError; SnapshotError where nothing is served */
export async function publishServe(directory: string, options: PublishServeOptions): Promise<void> {
  const { host, port, tokens, tlsKey, tlsCert } = options
  const [{ publishSnapshots }, { isLoopback, parseTokens }] = await Promise.all([
    import('@headwater/cluster'),
    import('@headwater/service'),
  ])
  if ((tlsKey === undefined) !== (tlsCert === undefined))
    throw new ServeError('--tls-key and --tls-cert go together; give both.')
  if (tokens === undefined && !isLoopback(host))
    throw new ServeError(
      `--host ${host} is not this machine alone; give --tokens: the panel of a snapshot holds features of people.`,
    )
  const auth = tokens === undefined ? 'loopback' : parseTokens(read('--tokens', tokens).toString('utf8'), tokens)
  const tls =
    tlsKey === undefined || tlsCert === undefined
      ? undefined
      : { key: read('--tls-key', tlsKey), cert: read('--tls-cert', tlsCert) }
  const stopped = stopSignal()
  const path = userPath(directory)
  const onError = (error: unknown) =>
    process.stderr.write(`warning: ${error instanceof Error ? error.message : String(error)}\n`)
  const publisher = await publishSnapshots({ directory: path, auth, ...(tls && { tls }), onError }, { host, port })
  try {
    process.stdout.write(`Publishing ${path} on ${publisher.url}, what it serves now and later.\n`)
    await stopped.signal
  } finally {
    await publisher.close()
    stopped.ignore()
  }
}
