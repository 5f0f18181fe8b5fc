import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

export interface Certificate {
  /** It is its own authority too. */
  readonly file: string
  readonly keyFile: string
}

/**
 * A certificate for the loopback, signed by itself, for some days.
 * @throws Error where the program openssl is not there.
 */
export function makeCertificate(directory: string): Certificate {
  const file = join(directory, 'server.crt')
  const keyFile = join(directory, 'server.key')
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
  try {
    execFileSync('openssl', ['req', '-x509', '-days', '3', ...key, '-out', file, ...subject], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  } catch (error) {
    throw new Error('the program openssl made no certificate; install the package openssl', { cause: error })
  }
  return { file, keyFile }
}
