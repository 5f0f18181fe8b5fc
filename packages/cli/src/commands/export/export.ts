import { existsSync } from 'node:fs'
import { join, parse } from 'node:path'
import type { Command } from '@commander-js/extra-typings'
import type { ModelPort, ModelPorts } from '@headwater/onnx'
import type { Snapshot } from '@headwater/snapshot'
import { OutputError, outputFile, writeOutputFiles } from '../../files/output.ts'
import { userPath } from '../../files/paths.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { count, table } from '../../terminal/format.ts'

/** A tower in a file. */
interface ExportedFile extends ModelPorts {
  readonly file: string
  readonly sizeBytes: number
}

export function registerExport(program: Command): void {
  program
    .command('export')
    .description("write a snapshot's towers as ONNX models")
    .argument('<snapshot>', "a snapshot's directory, or a model's: then the snapshot that is served")
    .requiredOption('--onnx <file>', 'where the user tower goes')
    .option('--mix <file>', 'where the mix tower goes; without it, beside the user tower with -mix in its name')
    .option('--json <file>', 'also write what is printed as JSON')
    .action(async (directory, options) => {
      const user = outputFile('--onnx', options.onnx)
      const mix = outputFile('--mix', options.mix ?? besideAsMix(user))
      const json = jsonFile(options)
      if (new Set([user, mix, json]).size < 3)
        throw new OutputError('--onnx, --mix and --json: two of them name one file; name one for each.')
      const { exportMixTower, exportUserTower, modelPorts } = await import('@headwater/onnx')
      const snapshot = await snapshotIn(userPath(directory))
      const models = new Map([
        [user, exportUserTower(snapshot)],
        [mix, exportMixTower(snapshot)],
      ])
      writeOutputFiles(models)
      const [userFile, mixFile] = [...models].map(
        ([file, bytes]): ExportedFile => ({ file, sizeBytes: bytes.length, ...modelPorts(bytes) }),
      )
      const { snapshot: number } = snapshot.manifest
      const text = [`Snapshot ${number}\n`, render('User tower', userFile), render('Mix tower', mixFile)].join('\n')
      const written = { snapshot: number, directory: snapshot.directory, user: userFile, mix: mixFile }
      await printResult(`${text}Written: ${user} and ${mix}\n`, json, written)
    })
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

function render(tower: string, { file, sizeBytes, inputs, outputs }: ExportedFile): string {
  const row = (direction: string) => (port: ModelPort) => [
    `  ${direction}`,
    port.name,
    port.type,
    `[${port.dims.join(', ')}]`,
  ]
  const ports = table([...inputs.map(row('input')), ...outputs.map(row('output'))])
  return `${tower}  ${file}, ${count(sizeBytes)} bytes\n${ports}`
}
