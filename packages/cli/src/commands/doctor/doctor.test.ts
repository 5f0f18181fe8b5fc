import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { diagnose } from './diagnosis.ts'
import { describeDiagnosis } from './doctor.ts'

const directory = temporaryDirectory()

test('finds on this machine all that the tests need', async () => {
  const diagnosis = await diagnose({ directory })
  expect(diagnosis.checks.filter(({ ok }) => !ok)).toEqual([])
  expect(diagnosis.adapter?.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 << 20)
  const { asked, had, used } = diagnosis.adapter!.features
  expect(used).toEqual(expect.arrayContaining(asked.filter((feature) => had.includes(feature))))
  expect(describeDiagnosis(diagnosis)).toContain(diagnosis.adapter?.description)
})

test('names what is missing with the command that mends it, and goes on to the other checks', async () => {
  const gpu = { requestAdapter: async () => null } as unknown as GPU
  const diagnosis = await diagnose({ directory: join(directory, 'nowhere'), gpu })
  expect(diagnosis.ok).toBe(false)
  expect(diagnosis.adapter).toBeNull()
  const missing = diagnosis.checks.filter(({ ok }) => !ok)
  expect(missing.map(({ name }) => name)).toEqual(['Disk', 'WebGPU'])
  expect(describeDiagnosis(diagnosis)).toMatch(/MISSING {2}WebGPU .*\n *→ npm run setup\n/)
})
