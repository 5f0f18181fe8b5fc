import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

const folder = import.meta.dirname

interface Manifest {
  readonly version: string
  readonly dependencies: { readonly [name: string]: string }
}

function manifestOf(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** The exact versions that are compared with. */
export const peerVersions: { readonly [name: string]: string } = manifestOf(`${folder}/package.json`)!.dependencies

/**
 * Brings the peers into `bench/peers/node_modules` where they are not there in these versions: some 250 MB, which nobody
 * but this bench needs.
 * @throws Error where npm fails.
 */
export async function installPeers(say: (line: string) => void): Promise<void> {
  const isThere = ([name, version]: [string, string]) =>
    manifestOf(`${folder}/node_modules/${name}/package.json`)?.version === version
  if (Object.entries(peerVersions).every(isThere)) return
  say('Installing the peers into bench/peers/node_modules (once, some 250 MB) …')
  const args = ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=http']
  const npm = spawn(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { cwd: folder, stdio: 'inherit' })
  process.once('exit', () => npm.kill())
  const code = await new Promise((resolve, reject) => npm.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`npm ci in ${folder} ended with ${code}; the peers could not be installed.`)
  say('Peers installed.')
}
