/**
 * Rewrites the tables that docs/training.md and docs/serving-figures.md have of bench/results/training.json, which `bench:training` wrote.
 * With `--check` it writes nothing and fails where they differ.
 */
import type { EncodeFigures } from './encode-peers.ts'
import { bringUpToDate, type MarkdownColumn, markdownTable, readResults, taken, whole } from './generated-parts.ts'
import { digits, type Provenance, percent, type Spread } from './report.ts'
import type { Roofline } from './roofline.ts'
import type { StepFigures } from './training-step.ts'

/** What training.ts writes, as far as guides have it. */
interface TrainingResults extends Provenance {
  readonly roofline: Roofline
  readonly sections: {
    readonly 'step-small': StepFigures
    readonly 'step-base': StepFigures
    readonly encode: readonly EncodeFigures[]
    readonly paper: {
      readonly planRows: number
      readonly flops: { readonly training: number }
      readonly training: { readonly dispatches: number }
      readonly step: { readonly rows: number; readonly stepMs: number }
    }
  }
}

/** Steps of a preset. */
interface Steps {
  readonly preset: string
  /** Of an example, in training. */
  readonly flops: number
  readonly dispatches: number
  /** Of the steps that were timed. */
  readonly rows: number
  readonly stepMs: number
  /** Of a step on a GPU; a step's share of the optimizer falls with its rows. */
  readonly rowsOnGpu: number
}

/** Float32 without matrix units, which WebGPU does not give, of an NVIDIA A100; and what a dispatch costs beside its work. */
const gpu = { flopsPerSecond: 19.5e12, dispatchSeconds: 5e-6 }
const examples = 1e9

const right = (title: string): MarkdownColumn => ({ title, align: 'right' })
const hours = (rowsPerSecond: number) => {
  const found = examples / rowsPerSecond / 3600
  return found >= 10 ? whole(found) : digits(found)
}
/** Three digits. */
const rate = (value: number) => Number(value.toPrecision(3)).toLocaleString('en')

function stepsOf({ preset, gigaflop, rows, stepMs, kernels }: StepFigures): Steps {
  const dispatches = kernels.reduce((sum, own) => sum + own.dispatches, 0)
  return { preset, flops: (gigaflop * 1e9) / rows, dispatches, rows, stepMs: stepMs.median, rowsOnGpu: rows }
}

function speeds({ roofline, sections }: TrainingResults): string {
  const { 'step-small': small, 'step-base': base, paper } = sections
  const largest = {
    ...{ preset: 'paper', flops: paper.flops.training, dispatches: paper.training.dispatches },
    ...{ rows: paper.step.rows, stepMs: paper.step.stepMs, rowsOnGpu: paper.planRows },
  }
  const rows = [stepsOf(small), stepsOf(base), largest].map((of) => {
    const rowsPerSecond = (1_000 * of.rows) / of.stepMs
    const share = (of.flops * rowsPerSecond) / 1e9 / roofline.gflops
    const stepSeconds = (of.flops * of.rowsOnGpu) / (share * gpu.flopsPerSecond) + of.dispatches * gpu.dispatchSeconds
    const onGpu = of.rowsOnGpu / stepSeconds
    return [
      `\`${of.preset}\``,
      digits(of.flops / 1e6),
      String(of.rows),
      rate(rowsPerSecond),
      percent(share),
      hours(rowsPerSecond),
      rate(onGpu),
      hours(onGpu),
    ]
  })
  const columns = [
    { title: 'preset' },
    ...[
      'MFLOP an example',
      'rows a step',
      'rows/s here',
      'of its FMA',
      'hours for 1 B',
      'rows/s, a GPU',
      'hours for 1 B',
    ].map(right),
  ]
  return markdownTable(columns, rows)
}

function encoders({ sections }: TrainingResults): string {
  const usersPerSecond = (rows: number, { median }: Spread) => whole((1_000 * rows) / median)
  const rows = sections.encode.map(({ preset, rows, ours, peers }) => {
    const onnx = peers['onnxruntime-node CPU'].ms
    return [`\`${preset}\``, String(rows), usersPerSecond(rows, onnx), usersPerSecond(rows, ours)]
  })
  const titles = ['users a batch', 'users/s by ONNX Runtime', 'by WebGPU on a software adapter']
  return markdownTable([{ title: 'preset' }, ...titles.map(right)], rows)
}

const training = readResults<TrainingResults>('training.json')
bringUpToDate('docs/training.md', {
  speed: `${speeds(training)}\n\nBy \`npx nx run bench:training\`, at ${taken(training)}.`,
})
bringUpToDate('docs/serving-figures.md', {
  'encoders without a GPU': `${encoders(training)}\n\nBy \`npx nx run bench:training -- --filter encode\`, medians, at ${taken(training)}.`,
})
