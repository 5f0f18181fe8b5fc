/** Every variant of every log's ablation can be built: a run of hours must not find out at its end. */
import { openLog } from '@headwater/datasets'
import { checkModelConfig, type LevelConfig } from '@headwater/runtime'
import { expect, test } from 'vitest'
import { contentHash } from '../lab/cache/content-hash.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import { realLab, syntheticLab } from '../lab/log/settings.ts'
import { labOf } from '../lab/upstream/variant.ts'
import { readSmallLab } from '../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../testing/small-log.ts'
import { ablation } from './ablation.ts'

/** Checks all variants and returns their names. */
function checked(lab: LabLog): string[] {
  const arms = ablation.arms(lab, 1)
  const hashes = new Set<string>()
  for (const { name, upstream } of arms) {
    const { space, settings } = labOf(lab, upstream!.variant)
    checkModelConfig(settings.config, space.user, space.item, name)
    hashes.add(contentHash(upstream))
  }
  expect(new Set(arms.map(({ name }) => name)).size).toBe(arms.length)
  // One that is no other than another would be no variant; the middle of the sizes is the whole.
  expect(hashes.size).toBeGreaterThanOrEqual(arms.length - 1)
  return arms.map(({ name }) => name)
}

test.each([
  ['synthetic', syntheticLab],
  ['movietweetings', realLab],
])('of %s', async (data, settings) => {
  const own = await readSmallLab(memoryLog(smallSchema, smallEvents(1500, 7)))
  const log = await openLog({ data })
  await log.close()
  const names = checked({ ...own, log, settings })
  const components = [
    ...['mlp', 'compression', 'cross', 'mixer', 'sequence', 'residual', 'dense-reinjection'],
    ...['residual-features', 'mean-features', 'item-count-features', 'interaction', 'mix-width'],
  ]
  for (const component of components) expect(names).toContain(`tower-without-${component}`)
  // A residual is taken from it.
  expect(names).not.toContain('tower-without-item-mean-features')
  expect(names.includes('tower-without-multi-task')).toBe(data === 'movietweetings')
  expect(names.includes('tower-without-user-fields')).toBe(data === 'synthetic')
  // A quick run takes off as many components, and leaves out sizes.
  const quick = checked({ ...own, log, settings, quick: true })
  const isComponent = (name: string) => name.startsWith('tower-without-')
  expect(quick.filter(isComponent)).toEqual(names.filter(isComponent))
  expect(quick.length).toBeLessThan(names.length)
})

function without(level: LevelConfig, part: 'residual' | 'dense'): LevelConfig {
  const { [part]: _, ...rest } = level
  return rest
}

test('a variant takes off what it says, and nothing else', async () => {
  const events = smallEvents(1500, 7)
  const lab = await readSmallLab(memoryLog(smallSchema, events))
  const variantOf = (name: string) => {
    const arm = ablation.arms(lab, 1).find((own) => own.name === name)!
    return labOf(lab, arm.upstream!.variant)
  }
  const whole = variantOf('tower-full').space
  const lean = variantOf('tower-without-residual-features').space
  const gone = whole.user.dense.filter((column) => !lean.user.dense.includes(column))
  expect(gone.length).toBeGreaterThan(0)
  expect(gone.every((column) => column.startsWith('residual'))).toBe(true)
  expect(lean.item).toEqual(whole.item)
  const items = variantOf('tower-without-item-count-features').space
  expect(items.user).toEqual(whole.user)
  expect(items.item.dense.length).toBeLessThan(whole.item.dense.length)
  expect(variantOf('tower-without-multi-task').space.tasks).toEqual(whole.tasks.slice(0, 1))
  const read = []
  for await (const chunk of variantOf('tower-without-user-fields').log.events()) read.push(...chunk)
  expect(read).toEqual(events.map((event) => ({ ...event, values: event.values.with(1, null) })))
  const [level] = variantOf('tower-full').settings.config.user.levels
  for (const [name, part] of [
    ['residual', 'residual'],
    ['dense-reinjection', 'dense'],
  ])
    expect(variantOf(`tower-without-${name}`).settings.config.user.levels).toEqual([
      without(level, part as 'residual' | 'dense'),
    ])
})
