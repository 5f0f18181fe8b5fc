/** Experiments' findings as Markdown, and as lines for a terminal. */
import type { EvaluationResult } from '../findings.ts'
import { formatCount } from '../format.ts'
import type { FigureTable } from '../table.ts'
import { tablesOf } from './tables.ts'
import { headlineOf, methodOf, quickNotice, verdictWord } from './words.ts'

export function renderEvaluationMarkdown(result: EvaluationResult): string {
  const { dataset, experiments, quick } = result
  const lines = [
    `# ${headlineOf(result)}`,
    '',
    ...(quick ? [`**${quickNotice}**`, ''] : []),
    ...experiments.flatMap((own) => [
      `## ${own.name}: ${own.question}`,
      '',
      `**${verdictWord(own)}.** ${own.verdict}`,
      '',
      `Measured: ${own.measure}`,
      '',
      `Decision rule, written before the run: ${own.rule}`,
      '',
      ...tablesOf(own).flatMap(markdownTable),
      `What makes every table of this section: \`${own.command}\``,
      '',
    ]),
    '## Method',
    '',
    ...methodOf(result).flatMap((paragraph) => [paragraph, '']),
    '## This run',
    '',
    `- data: ${dataset.name}, ${dataset.source}, ${formatCount(dataset.rows)} rows, fingerprint ${dataset.fingerprint}`,
    `- adapter: ${result.adapter}`,
    `- seeds: ${experiments[0].seeds.join(', ')}`,
    `- version: ${result.version}${result.commit === null ? '' : `, commit ${result.commit}`}`,
    `- command: \`${result.command}\``,
    `- started: ${result.startedAt}`,
  ]
  return `${lines.join('\n')}\n`
}

/** Verdicts and where they are written out. Ends with a line feed. */
export function renderEvaluationText({ experiments, quick }: EvaluationResult): string {
  const lines = experiments.map((own) => `${own.name}: ${verdictWord(own)}. ${own.verdict}`)
  return `${[...(quick ? [quickNotice] : []), ...lines].join('\n\n')}\n`
}

function markdownTable({ title, head, rows }: FigureTable): string[] {
  const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [`${title}:`, '', row(head), row(head.map(() => '---')), ...rows.map(row), '']
}
