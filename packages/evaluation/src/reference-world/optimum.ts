/** Program: `npx nx run evaluation:optimum -- --json F` prints what is reachable on the synthetic reference log. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { syntheticSettings, syntheticWorld } from '@headwater/datasets'
import { meanAndSd } from '@headwater/statistics'
import { knowledge, referencePredictions } from './reference-predictions.ts'
import { scoreReference } from './reference-scores.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: 'synthetic-reference' },
    seeds: { type: 'string', default: '0,1' },
    'from-day': { type: 'string', default: '15' },
    json: { type: 'string' },
  },
})
const setting = syntheticSettings.get(values.data)
if (setting === undefined) throw new Error(`--data ${values.data}: use ${[...syntheticSettings.keys()].join(' or ')}`)
const fromDay = Number(values['from-day'])

const runs = values.seeds.split(',').map((text) => {
  const started = performance.now()
  const seed = Number(text)
  const predictions = referencePredictions(syntheticWorld({ seed, setting }), { fromDay })
  const clicks = predictions.labels.reduce((sum, label) => sum + label, 0)
  const seconds = (performance.now() - started) / 1000
  process.stderr.write(`seed ${seed}: ${predictions.rows.length} rows scored, ${seconds.toFixed(1)} s\n`)
  return { seed, rows: predictions.rows.length, clicks, scores: scoreReference(predictions) }
})

const names = ['truth', ...knowledge] as const
const summary = names.map((name) => ({
  name,
  ne: meanAndSd(runs.map(({ scores }) => scores[name].ne)),
  expectedNe: meanAndSd(runs.map(({ scores }) => scores[name].expectedNe)),
}))

const cell = (text: string) => text.padStart(17)
const figure = ({ ne, expectedNe }: { ne: number; expectedNe: number }) => `${ne.toFixed(4)} (${expectedNe.toFixed(4)})`
process.stdout.write(`NE by clicks (in expectation), ${values.data}, from day ${fromDay}\n`)
process.stdout.write(
  `${[''.padEnd(12), ...runs.map(({ seed }) => cell(`seed ${seed}`)), cell('mean'), cell('sd')].join('')}\n`,
)
for (const { name, ne, expectedNe } of summary) {
  const perSeed = runs.map(({ scores }) => cell(figure(scores[name])))
  const sd = ne.sd === null || expectedNe.sd === null ? '–' : figure({ ne: ne.sd, expectedNe: expectedNe.sd })
  const mean = figure({ ne: ne.mean, expectedNe: expectedNe.mean })
  process.stdout.write(`${[name.padEnd(12), ...perSeed, cell(mean), cell(sd)].join('')}\n`)
}
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ data: values.data, setting, fromDay, runs, summary }, null, 2)}\n`)
}
