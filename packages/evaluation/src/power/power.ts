/** Program: `npx nx run evaluation:power -- --json F` tells what tests on the synthetic reference log can detect. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { syntheticSettings, syntheticWorld } from '@headwater/datasets'
import { knowledge, referencePredictions } from '../reference-world/reference-predictions.ts'
import { detectableEffects, usersForEffect } from './detectable-effects.ts'
import { rankingOutcomes } from './ranking-outcomes.ts'
import { type SimulatedTests, simulateTests } from './simulated-tests.ts'
import { clickOutcomes, syntheticUserDays } from './user-days.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: 'synthetic-reference' },
    seed: { type: 'string', default: '0' },
    'from-day': { type: 'string', default: '15' },
    days: { type: 'string', default: '5' },
    simulations: { type: 'string', default: '1000' },
    json: { type: 'string' },
  },
})
const setting = syntheticSettings.get(values.data)
if (setting === undefined) throw new Error(`--data ${values.data}: use ${[...syntheticSettings.keys()].join(' or ')}`)
const [seed, fromDay, days, simulations] = [values.seed, values['from-day'], values.days, values.simulations].map(
  Number,
)
const window = { fromDay, days, daysBefore: 5 }
const percent = (share: number) => `${(100 * share).toFixed(1)} %`

const world = syntheticWorld({ seed, setting })
const userDays = syntheticUserDays(world)

const started = performance.now()
const nullTests = simulateTests(clickOutcomes(userDays, window), { simulations, seed })
const seconds = (performance.now() - started) / 1000
const told = ({ rejected }: SimulatedTests) =>
  `${percent(rejected.share)} [${percent(rejected.low)}, ${percent(rejected.high)}]`
process.stdout.write(
  `null test, ${nullTests.plain.users} users, ${simulations} simulations, ${seconds.toFixed(1)} s: rejected ` +
    `${told(nullTests.plain)}, with CUPED ${told(nullTests.cuped)}\n`,
)

const effects = detectableEffects(userDays, { ...window, users: [500, 2000, 10_000, 100_000], days: [1, 3, 5] })
process.stdout.write('minimum detectable lift of clicks a user, plain and with CUPED\n')
for (const { users, days, lift, cupedLift } of effects) {
  process.stdout.write(`${String(users).padStart(8)} users ${days} days ${percent(lift)} ${percent(cupedLift)}\n`)
}

const { rows, users, labels, predictions } = referencePredictions(world, { fromDay })
const requests = Uint32Array.from(rows, (row) => Math.floor(row / setting.adsPerRequest))
const rankings = knowledge.flatMap((name) => {
  if (name === 'nobody') return []
  const ranked = { requests, users, labels, control: predictions.nobody, treated: predictions[name] }
  const outcomes = rankingOutcomes(ranked, userDays, window)
  return [{ name, needed: usersForEffect(outcomes), tests: simulateTests(outcomes, { simulations, seed }) }]
})
process.stdout.write('clicks on the first ad of a request, ranked by what is known of the user against nothing known\n')
for (const { name, needed, tests } of rankings) {
  const users =
    needed === null ? 'no gain' : `+${percent(needed.lift)} needs ${needed.plain} users, ${needed.cuped} with CUPED`
  const power = `power ${percent(tests.plain.rejected.share)}, ${percent(tests.cuped.rejected.share)}`
  process.stdout.write(`${name.padEnd(12)} ${users}; at ${tests.plain.users} users ${power}\n`)
}
if (values.json !== undefined) {
  const result = { data: values.data, setting, seed, window, nullTests, effects, rankings }
  writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`)
}
