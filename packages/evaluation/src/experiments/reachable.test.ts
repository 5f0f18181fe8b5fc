import { hiddenSetting, hiddenWorld, openSyntheticLog } from '@headwater/datasets'
import { expect, test } from 'vitest'
import { Outcomes } from '../lab/analysis/outcomes.ts'
import { optimumArms } from '../lab/arms/optimum-arm.ts'
import { silent } from '../testing/small-job.ts'
import { readSmallLab } from '../testing/small-lab.ts'
import { power } from './power.ts'
import { reachableTables } from './reachable.ts'

test('a world with hidden factors tells what can be known of it; an A/B test needs one with topics', async () => {
  const setting = { ...hiddenSetting, users: 80, items: 40, days: 8, impressionsPerDay: 900 }
  const world = hiddenWorld({ seed: 3, setting })
  const lab = await readSmallLab(openSyntheticLog({ seed: 3, setting }), world)
  const [arm] = optimumArms(lab)
  // It needs no device.
  const run = { device: null!, lab, stages: silent, signal: undefined, directory: '' }
  const outcomes = new Outcomes(lab, [1], new Map([['optimum', [await arm.run(run, null)]]]))
  const [{ title, rows }] = reachableTables(outcomes)
  expect(title).toContain("items' factors")
  expect(rows.map(([knows]) => knows)).toEqual([
    'the true probability of each click',
    'all that was seen of the user before: the filtered optimum',
    'all that was seen of the user before, but not what the clicks of a day do to the next ones',
    'what was seen up to their last request, not its outcome',
    'what was seen before the day',
    'what was seen before the test window',
    'all that was seen of the user before, but items by their category alone',
    'nothing of the user',
  ])
  const [truth, optimum, , , , , categories, nobody] = rows.map(([, , ne]) => Number(ne))
  expect([truth, optimum, categories]).toEqual([truth, optimum, categories].sort((a, b) => a - b))
  expect(nobody).toBeGreaterThan(optimum)
  expect(() => power.check!(lab)).toThrow('needs a synthetic log whose users are drawn by topics')
})
