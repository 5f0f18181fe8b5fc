/** `headwater publish --serve`: a model's snapshots, for servers that do not share its directory. */
import { userPath } from '../../files/paths.ts'
import { stopSignal } from '../../terminal/stop-signal.ts'
import { plaintextWarning } from '../serve/address.ts'
import { authOf, type ServeOptions, tlsOf } from '../serve/options.ts'

type PublishServeOptions = Pick<ServeOptions, 'host' | 'port' | 'tokens' | 'tlsCert' | 'tlsKey'>

/** Serves until SIGTERM or SIGINT. @throws CommandError, InputFileError; SnapshotError where nothing is served */
export async function publishServe(directory: string, options: PublishServeOptions): Promise<void> {
  const { publishSnapshots } = await import('@headwater/cluster')
  const tls = tlsOf(options)
  const auth = await authOf(options, ': the panel of a snapshot holds features of people.')
  const stopped = stopSignal()
  const path = userPath(directory)
  const onError = (error: unknown) =>
    process.stderr.write(`warning: ${error instanceof Error ? error.message : String(error)}\n`)
  const publisher = await publishSnapshots({ directory: path, auth, ...(tls && { tls }), onError }, options)
  try {
    process.stdout.write(`Publishing ${path} on ${publisher.url}, what it serves now and later.\n`)
    const warning = await plaintextWarning(options.host, publisher.url, tls !== undefined)
    if (warning !== null) onError(warning)
    await stopped.signal
  } finally {
    await publisher.close()
    stopped.ignore()
  }
}
