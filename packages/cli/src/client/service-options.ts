/** What all commands share that talk to a running service. */
import type { Command } from '@commander-js/extra-typings'
import type { Client, ClientTls } from '@headwater/client'
import { CommandError } from '../arguments/command-error.ts'
import type { OptionsOf } from '../arguments/options-of.ts'
import { readInput } from '../files/input.ts'
import { userPath } from '../files/paths.ts'
import { shellWord } from '../terminal/shell-word.ts'

const help = `
The token of a service that takes one is read from --token-file, or from the variable HEADWATER_TOKEN.
`

/** Adds a command that talks to a service. */
export function serviceCommand(program: Command, name: string, description: string) {
  const command = accessOptions(program.command(name)).description(description)
  return command.option('--url <url>', 'of the service', 'http://127.0.0.1:8080')
}

/** Adds the options of token, TLS and JSON. */
export function accessOptions(command: Command) {
  return command
    .option('--token-file <file>', 'file that holds the token alone')
    .option(
      '--tls-ca <file>',
      'authority of the certificate of an https service, as PEM; default: those that Node trusts',
    )
    .option('--tls-cert <file>', 'certificate to show, as PEM')
    .option('--tls-key <file>', 'its key, as PEM')
    .option('--json <file>', 'also write it as JSON')
    .addHelpText('after', help)
}

/** Of every command that talks to a service. */
type ServiceOptions = OptionsOf<typeof serviceCommand>
/** How a caller identifies itself to a service. */
type AccessOptions = Omit<ServiceOptions, 'url'>

/** The words by which another command finds the same service. */
export function serviceWords({ url, tokenFile, tlsCa, tlsCert, tlsKey }: ServiceOptions): string {
  const access = { 'token-file': tokenFile, 'tls-ca': tlsCa, 'tls-cert': tlsCert, 'tls-key': tlsKey }
  const given = Object.entries({ url, ...access }).filter(([, value]) => value !== undefined)
  return given.map(([name, value]) => `--${name} ${shellWord(value!)}`).join(' ')
}

/** @throws CommandError, InputFileError, ClientError */
export async function serviceClient(options: ServiceOptions, deadlineMs: number): Promise<Client> {
  const { createClient } = await import('@headwater/client')
  const { token, tls } = serviceAccess(options)
  return createClient({ url: options.url, deadlineMs, tls, ...(token !== null && { token }) })
}

/** @throws CommandError, InputFileError */
export function serviceAccess(options: AccessOptions): { readonly token: string | null; readonly tls: ClientTls } {
  const { tlsCa, tlsCert, tlsKey } = options
  const tls = {
    ...(tlsCa !== undefined && { ca: readInput('--tls-ca', tlsCa).toString() }),
    ...(tlsCert !== undefined && { cert: readInput('--tls-cert', tlsCert).toString() }),
    ...(tlsKey !== undefined && { key: readInput('--tls-key', tlsKey).toString() }),
  }
  return { token: tokenOf(options), tls }
}

/** There is no option for the token itself, as other users of a machine can read its command lines. */
function tokenOf({ tokenFile }: AccessOptions): string | null {
  const text = tokenFile === undefined ? process.env.HEADWATER_TOKEN : readInput('--token-file', tokenFile).toString()
  const token = text?.trim()
  if (token === undefined) return null
  const place = tokenFile === undefined ? 'HEADWATER_TOKEN' : `--token-file: ${userPath(tokenFile)}`
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new CommandError(`${place} holds no token; put it there alone, in one line.`)
}

/** The model that is named, or else the only one that is served. @throws CommandError where there are several */
export async function modelNamed(client: Client, named: string | undefined): Promise<string> {
  if (named !== undefined) return named
  const models = await client.models()
  if (models.length === 1) return models[0].model
  throw new CommandError(
    `several models are served; name one with --model: ${models.map(({ model }) => model).join(', ')}.`,
  )
}
