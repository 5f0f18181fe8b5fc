import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, parse } from 'node:path'
import type { ModelPort, ModelPorts } from '@headwater/onnx'
import type { Snapshot } from '@headwater/snapshot'
import type { Command } from 'commander'
import { checkOutputFile, OutputError, writeOutputFile } from '../../files/output.ts'
import { userPath } from '../../files/paths.ts'

interface ExportOptions {
  readonly onnx: string
  readonly mix?: string
  readonly json?: string
}

/** A tower in a file. */
interface ExportedFile extends ModelPorts {
  readonly file: string
  readonly sizeBytes: number
}

/** Adds `headwater export`. */
export function registerExport(program: Command): void {
  program
    .command('export')
    .description("write a snapshot's towers as ONNX models")
    .argument('<snapshot>', "a snapshot's directory, or a model's: then the snapshot that is served")
    .requiredOption('--onnx <file>', 'where the user tower goes')
    .option('--mix <file>', 'where the mix tower goes; without it, beside the user tower with -mix in its name')
    .option('--json <file>', 'also write what is printed as JSON')
    .action(exportTowers)
}

async function exportTowers(directory: string, options: ExportOptions): Promise<void> {
  const user = userPath(options.onnx)
  const mix = options.mix === undefined ? besideAsMix(user) : userPath(options.mix)
  const json = options.json === undefined ? null : userPath(options.json)
  checkOutputFile('--onnx', user)
  checkOutputFile('--mix', mix)
  if (json !== null) checkOutputFile('--json', json)
  if (new Set([user, mix, json]).size < 3)
    throw new OutputError('--onnx, --mix and --json: two of them name one file; name one for each.')
  const { exportMixTower, exportUserTower, modelPorts } = await import('@headwater/onnx')
  const snapshot = await snapshotIn(userPath(directory))
  const models = new Map([
    [user, exportUserTower(snapshot)],
    [mix, exportMixTower(snapshot)],
  ])
  writeTogether(models)
  const [userFile, mixFile] = [...models].map(
    ([file, bytes]): ExportedFile => ({ file, sizeBytes: bytes.length, ...modelPorts(bytes) }),
  )
  const { snapshot: number } = snapshot.manifest
  if (json !== null) {
    const written = { snapshot: number, directory: snapshot.directory, user: userFile, mix: mixFile }
    writeOutputFile(json, `${JSON.stringify(written, null, 2)}\n`)
  }
  const text = [`Snapshot ${number}`, render('User tower', userFile), render('Mix tower', mixFile)].join('\n\n')
  process.stdout.write(`${text}\n`)
}

function besideAsMix(user: string): string {
  const { dir, name, ext } = parse(user)
  return join(dir, `${name}-mix${ext}`)
}

/** The snapshot in a directory of its own, or the one that a model's directory serves. */
async function snapshotIn(directory: string): Promise<Snapshot> {
  const { readServedSnapshot, readSnapshot } = await import('@headwater/snapshot')
  return existsSync(join(directory, 'manifest.json')) ? readSnapshot(directory) : readServedSnapshot(directory)
}

/** Writes files of one making: each beside its place first, so that a full disk leaves what was there. */
function writeTogether(files: ReadonlyMap<string, Uint8Array>): void {
  const partials = [...files].map(([path, bytes]) => ({ path, bytes, partial: `${path}.${process.pid}.partial` }))
  try {
    for (const { partial, bytes } of partials) writeFileSync(partial, bytes)
    for (const { partial, path } of partials) renameSync(partial, path)
  } catch (cause) {
    for (const { partial } of partials) rmSync(partial, { force: true })
    const { code } = cause as NodeJS.ErrnoException
    throw new OutputError(
      `${[...files.keys()].join(' and ')} cannot be written (${code ?? cause}); choose another place.`,
      {
        cause,
      },
    )
  }
}

function render(tower: string, { file, sizeBytes, inputs, outputs }: ExportedFile): string {
  const width = Math.max(...[...inputs, ...outputs].map(({ name }) => name.length))
  const line = (direction: string) => (port: ModelPort) =>
    `  ${direction.padEnd(6)}  ${port.name.padEnd(width)}  ${port.type.padEnd(7)}  [${port.dims.join(', ')}]`
  return [
    `${tower}  ${file}, ${sizeBytes.toLocaleString('en')} bytes`,
    ...inputs.map(line('input')),
    ...outputs.map(line('output')),
  ].join('\n')
}
