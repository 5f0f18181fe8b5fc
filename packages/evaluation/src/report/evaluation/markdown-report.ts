/** Experiments' findings as Markdown, and as lines for a terminal. */
import type { EvaluationResult } from '../findings.ts'
import { formatCount } from '../format.ts'
import type { TableContent } from '../page/html-table.ts'
import { methodOf } from './method.ts'
import { comparisonTable, gapTable, scoreTable } from './tables.ts'
import { headlineOf, quickNotice, verdictWord } from './verdicts.ts'

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
      ...own.tables.flatMap(({ title, head, rows }) => markdownTable({ caption: title, head, rows })),
      ...(own.gapShares.length > 0 ? markdownTable(gapTable(own.gapShares)) : []),
      ...markdownTable(comparisonTable(own.comparisons)),
      ...markdownTable(scoreTable(own.scores)),
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

function markdownTable({ caption, head, rows }: TableContent): string[] {
  const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [`${caption}:`, '', row(head), row(head.map(() => '---')), ...rows.map(row), '']
}
