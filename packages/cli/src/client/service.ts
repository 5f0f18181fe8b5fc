/** What the commands have in common that talk to a running service. */
import { readFileSync } from 'node:fs'
import type { Client, ClientTls } from '@headwater/client'
import type { Command } from 'commander'
import { userPath } from '../files/paths.ts'
import type { JsonOption } from '../files/result.ts'

export interface ServiceOptions extends AccessOptions {
  readonly url: string
}

/** How a service is let in by. */
export interface AccessOptions extends JsonOption {
  readonly tokenFile?: string
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
}

/** What the user says of a service, or asks of it, cannot be. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
}

const help = `
The token of a service that takes one is read from --token-file, or from the variable HEADWATER_TOKEN.
`

/** Adds a command that talks to a service. */
export function serviceCommand(program: Command, name: string, description: string): Command {
  const command = program.command(name).description(description)
  return accessOptions(command.option('--url <url>', 'of the service', 'http://127.0.0.1:8080'))
}

/** Adds the options of token, TLS and JSON. */
export function accessOptions(command: Command): Command {
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

/** @throws ServiceError, ClientError */
export async function serviceClient(options: ServiceOptions, deadlineMs: number): Promise<Client> {
  const { createClient } = await import('@headwater/client')
  const { token, tls } = serviceAccess(options)
  return createClient({ url: options.url, deadlineMs, tls, ...(token !== null && { token }) })
}

/** @throws ServiceError */
export function serviceAccess(options: AccessOptions): { readonly token: string | null; readonly tls: ClientTls } {
  const { tlsCa, tlsCert, tlsKey } = options
  const tls = {
    ...(tlsCa !== undefined && { ca: contentsOf('--tls-ca', tlsCa) }),
    ...(tlsCert !== undefined && { cert: contentsOf('--tls-cert', tlsCert) }),
    ...(tlsKey !== undefined && { key: contentsOf('--tls-key', tlsKey) }),
  }
  return { token: tokenOf(options), tls }
}

/** Never an option: others see the command lines of a machine. */
function tokenOf({ tokenFile }: AccessOptions): string | null {
  const token = (tokenFile === undefined ? process.env.HEADWATER_TOKEN : contentsOf('--token-file', tokenFile))?.trim()
  if (token === undefined) return null
  const place = tokenFile === undefined ? 'HEADWATER_TOKEN' : `--token-file: ${userPath(tokenFile)}`
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new ServiceError(`${place} holds no token; put it there alone, in one line.`)
}

function contentsOf(option: string, file: string): string {
  const path = userPath(file)
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ServiceError(`${option}: ${path} cannot be read; check its path and permissions.`, { cause })
  }
}

/** The model that is named, or the one that is served. @throws ServiceError where there are several */
export async function modelNamed(client: Client, named: string | undefined): Promise<string> {
  if (named !== undefined) return named
  const models = await client.models()
  if (models.length === 1) return models[0].model
  throw new ServiceError(
    `several models are served; name one with --model: ${models.map(({ model }) => model).join(', ')}.`,
  )
}
