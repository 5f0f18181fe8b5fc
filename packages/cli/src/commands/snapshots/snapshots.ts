import type { Command } from '@commander-js/extra-typings'
import type { GpuDevice } from '@headwater/gpu'
import { snapshotNumber } from '../../arguments/numbers.ts'
import { userPath } from '../../files/paths.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { registerImport } from './import-tower.ts'
import { type ListedSnapshot, renderComparison, renderList, renderSnapshot } from './snapshot-tables.ts'

const numberArgument = snapshotNumber('Give the number of a snapshot, as `headwater snapshots list` shows it.')

/** Adds `headwater snapshots list|show|diff|promote|rollback|import`. */
export function registerSnapshots(program: Command): void {
  const snapshots = program
    .command('snapshots')
    .description('look at the snapshots of a model, and choose which one is served')
  const command = (name: string, description: string) => {
    const added: Command = snapshots.command(name)
    return added
      .description(description)
      .argument('<model>', 'directory that holds the snapshots', userPath)
      .option('--json <file>', 'also write it as JSON')
  }

  command(
    'list',
    'a line each: frame, rows, forward NE, panel residual, verdict; an arrow marks the one served',
  ).action(async (directory, options) => {
    const json = jsonFile(options)
    const { listSnapshots, readManifest, ServedSnapshotError, servedSnapshot, SnapshotError, snapshotNumber } =
      await import('@headwater/snapshot')
    const paths = await listSnapshots(directory)
    if (paths.length === 0)
      throw new ServedSnapshotError(`${directory} has no snapshots; check the path, or publish one.`)
    const current = await servedSnapshot(directory)
    const listed: ListedSnapshot[] = []
    for (const path of paths) {
      const snapshot = snapshotNumber(path)
      const about = { snapshot, current: snapshot === current }
      try {
        listed.push({ ...about, manifest: await readManifest(path), damage: null })
      } catch (cause) {
        if (!(cause instanceof SnapshotError)) throw cause
        listed.push({ ...about, manifest: null, damage: cause.message })
      }
    }
    await printResult(renderList(listed), json, { current, snapshots: listed })
  })

  command('show', 'everything about one snapshot, after checking all of its files')
    .argument('<number>', 'snapshot', numberArgument)
    .action(async (directory, number, options) => {
      const json = jsonFile(options)
      const { existingSnapshot, readSnapshot, servedHistory } = await import('@headwater/snapshot')
      const snapshot = await readSnapshot(await existingSnapshot(directory, number))
      const history = await servedHistory(directory)
      const tensors = [...snapshot.matrices.values()].map(({ name, rows, cols }) => ({ name, rows, cols }))
      await printResult(renderSnapshot(snapshot, history), json, {
        directory: snapshot.directory,
        current: history.at(-1)?.snapshot === number,
        served: history.filter((entry) => entry.snapshot === number),
        manifest: snapshot.manifest,
        schema: snapshot.schema,
        tensors,
      })
    })

  command('diff', 'what changed: schema, config, tensors, and vectors over the panel of the second')
    .argument('<before>', 'snapshot', numberArgument)
    .argument('<after>', 'snapshot', numberArgument)
    .action(async (directory, before, after, options) => {
      const json = jsonFile(options)
      const [{ requestDevice }, { existingSnapshot, readSnapshot }, { compareSnapshots }] = await Promise.all([
        import('@headwater/gpu'),
        import('@headwater/snapshot'),
        import('@headwater/training'),
      ])
      const old = await readSnapshot(await existingSnapshot(directory, before))
      const now = await readSnapshot(await existingSnapshot(directory, after))
      const opened: GpuDevice[] = []
      const device = async () => {
        opened[0] ??= await requestDevice()
        return opened[0]
      }
      try {
        const comparison = await compareSnapshots(device, old, now)
        await printResult(renderComparison(before, after, comparison), json, { before, after, ...comparison })
      } finally {
        opened[0]?.destroy()
      }
    })

  command('promote', 'serve a snapshot from now on')
    .argument('<number>', 'snapshot', numberArgument)
    .option('--force', 'even if the gate held it', false)
    .action(async (directory, number, options) => {
      const json = jsonFile(options)
      const { promoteSnapshot, servedSnapshot } = await import('@headwater/snapshot')
      const before = await servedSnapshot(directory)
      await promoteSnapshot(directory, number, options.force)
      await printResult(`Snapshot ${number} is served${before === null ? '' : `, in place of ${before}`}.\n`, json, {
        before,
        now: number,
      })
    })

  command('rollback', 'serve the snapshot that was served before')
    .argument('[number]', 'one that was served earlier still', numberArgument)
    .action(async (directory, number, options) => {
      const json = jsonFile(options)
      const { rollbackSnapshot, servedSnapshot } = await import('@headwater/snapshot')
      const before = await servedSnapshot(directory)
      const now = await rollbackSnapshot(directory, number)
      await printResult(`Snapshot ${now} is served again, in place of ${before}.\n`, json, { before, now })
    })

  registerImport(snapshots)
}
