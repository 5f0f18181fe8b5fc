import { expect, it } from 'vitest'
import { StoreUrlError } from './errors.ts'

it('prints no credentials, even of a URL that is at fault', () => {
  for (const url of [
    'valkey://me:secret@host:6379',
    'valkeys://:secret@host',
    'valkey://me:a@secret/b?c#d@host',
    'tiered:256MiB:valkey://me:secret@host',
    'vlakey://me:se\ncret@host',
  ]) {
    const { message } = new StoreUrlError(url)
    expect(message).not.toMatch(/se\s?cret|me:/)
    expect(message).toContain('host')
  }
  expect(new StoreUrlError('memory', 'is short').message).toBe('store URL "memory" is short')
})
