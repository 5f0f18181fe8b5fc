import type { Log } from '@headwater/datasets'
import type { GpuDevice } from '@headwater/gpu'
import type { Command } from 'commander'
import { dataArgument } from '../../arguments/log-name.ts'
import { wholeNumber } from '../../arguments/whole-number.ts'
import { checkOutputFile, openOutputDirectory, writeOutputFile } from '../../files/output.ts'
import { userPath } from '../../files/paths.ts'
import { currentCommit } from '../../provenance/current-commit.ts'
import { stoppable } from '../../terminal/stoppable.ts'

interface RunOptions {
  data: string
  schema?: string
  maxBadRows: number
  out?: string
  seed: number
  seeds: number
  report: string
  json?: string
}

/** Adds `headwater run`, the main job. */
export function registerRun(program: Command, version: string): void {
  program
    .command('run')
    .description('train on a log, serve it as live traffic, and measure what the served embeddings are worth')
    .option(
      '--data <what>',
      'movietweetings (bundled), a synthetic log, or a file or glob: Parquet, CSV, JSONL',
      'movietweetings',
    )
    .option('--schema <file>', "JSON that describes a file's columns, tasks and features")
    .option('--max-bad-rows <n>', 'bad rows to leave out before giving up', wholeNumber(0, 1e9), 0)
    .option('--out <dir>', 'keep snapshots, store and served log there')
    .option('--seed <n>', 'first seed', wholeNumber(0, 1e9), 1)
    .option('--seeds <n>', 'seeds to run and to average over', wholeNumber(1, 100), 1)
    .option('--report <file>', 'where the HTML report goes', 'report.html')
    .option('--json <file>', 'also write the figures as JSON')
    .action((options: RunOptions) => run(options, version))
}

async function run(options: RunOptions, version: string): Promise<void> {
  const startedAt = new Date().toISOString()
  const report = userPath(options.report)
  const json = options.json === undefined ? undefined : userPath(options.json)
  checkOutputFile('--report', report)
  if (json !== undefined) checkOutputFile('--json', json)
  const [{ openLog }, { requestDevice }, { runMainJob, renderReport, renderTable }] = await Promise.all([
    import('@headwater/datasets'),
    import('@headwater/gpu'),
    import('@headwater/evaluation'),
  ])
  await stoppable('whole snapshots under --out are kept, nothing else was written', async ({ stages, signal }) => {
    const directory = openOutputDirectory(options.out === undefined ? undefined : userPath(options.out))
    let device: GpuDevice | undefined
    let log: Log | undefined
    try {
      device = await requestDevice()
      const { kind, data } = await dataArgument(options.data)
      log = await openLog({
        data,
        ...(options.schema !== undefined && { schema: userPath(options.schema) }),
        maxBadRows: options.maxBadRows,
        seed: options.seed,
        signal,
      })
      const result = await runMainJob({
        device,
        log,
        source: kind === 'file' ? options.data : kind === 'synthetic' ? `${data}, seed ${options.seed}` : kind,
        directory: directory.path,
        seeds: Array.from({ length: options.seeds }, (_, i) => options.seed + i),
        stages,
        signal,
        about: { version, commit: currentCommit(), command: `headwater ${process.argv.slice(2).join(' ')}`, startedAt },
      })
      process.stdout.write(renderTable(result))
      writeOutputFile(report, renderReport(result))
      if (json !== undefined) writeOutputFile(json, `${JSON.stringify(result, null, 2)}\n`)
      process.stdout.write(`Report: ${report}\n`)
      if (options.out !== undefined) process.stdout.write(`Snapshots, store and served log: ${directory.path}\n`)
    } finally {
      await log?.close()
      device?.destroy()
      directory.release()
    }
  })
}
