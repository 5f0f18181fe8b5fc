import { expect, test } from 'vitest'
import { momentMs } from './moment.ts'

test('reads times, days and milliseconds', () => {
  expect(momentMs('1970-01-02')).toBe(86_400_000)
  expect(momentMs('1970-01-01T01:00:00.5+01:00')).toBe(500)
  expect(momentMs('1700000000000')).toBe(1_700_000_000_000)
})

test.each(['', 'now', '2026-13-01', '2026-05-01T12:00', '1e3', '-5', '05/01/2026'])('refuses "%s"', (text) => {
  expect(() => momentMs(text)).toThrow(/Give a time/)
})
