import { expect, test } from 'vitest'
import { userPath } from '../files/paths.ts'
import { CommandError } from './command-error.ts'
import { dataArgument, namedLog } from './log-options.ts'

test.each([
  ['movietweetings', 'bundled'],
  ['synthetic', 'synthetic'],
  ['synthetic-reference', 'synthetic'],
  ['synthetic-medium', 'synthetic'],
  ['synthetic-large', 'synthetic'],
  ['synthetic-conversions', 'synthetic'],
  ['synthetic-hidden', 'synthetic'],
])('%s is a %s log by its name', async (data, kind) => {
  expect(await dataArgument(data)).toEqual({ kind, data })
  expect(await namedLog(data)).toBe(data)
})

test('all else is a path, which is no name', async () => {
  for (const text of ['log.csv', 'synthetic-other', './synthetic'])
    expect(await dataArgument(text)).toEqual({ kind: 'file', data: userPath(text) })
  await expect(namedLog('synthetic-other')).rejects.toThrow(CommandError)
  await expect(namedLog('synthetic-other')).rejects.toThrow(
    'movietweetings, synthetic, synthetic-reference, synthetic-medium, synthetic-large, synthetic-conversions, synthetic-hidden',
  )
})
