import type { EvaluationResult, ExperimentResult } from '../findings.ts'

/** What a run without a verdict says of itself. */
export const quickNotice =
  'A quick run: a tenth of the rows and one seed. It shows that everything works; it gives no verdict.'

export function verdictWord({ holds }: ExperimentResult): string {
  if (holds === null) return 'no verdict'
  return holds ? 'yes' : 'not shown'
}

/** The run in a few words. */
export function headlineOf({ experiments, quick, dataset }: EvaluationResult): string {
  const [first] = experiments
  if (quick) return `A quick run of ${experiments.map(({ name }) => name).join(', ')} on ${dataset.name}: no verdict`
  if (experiments.length === 1) return `${first.question} ${capitalized(verdictWord(first))}`
  const held = experiments.filter(({ holds }) => holds === true).length
  return `${held} of ${experiments.length} questions about served embeddings on ${dataset.name} are answered with yes`
}

export function capitalized(text: string): string {
  return text[0].toUpperCase() + text.slice(1)
}
