import { expect, test } from 'vitest'
import { matchesLock } from './dependencies.mjs'

const wanted = {
  packages: {
    '': { version: '0.1.0' },
    'packages/gpu': { version: '0.1.0' },
    'node_modules/@headwater/gpu': {},
    'node_modules/webgpu': { version: '0.6.2' },
    'node_modules/@esbuild/aix-ppc64': { version: '0.28.2', optional: true },
  },
}

/** @param {Record<string, { version?: string }>} packages */
const installed = (packages) => ({
  packages: { 'packages/gpu': { version: '0.1.0' }, 'node_modules/@headwater/gpu': {}, ...packages },
})

test('what is installed matches when only packages of other platforms are missing', () => {
  expect(matchesLock(wanted, installed({ 'node_modules/webgpu': { version: '0.6.2' } }))).toBe(true)
})

test('a missing package and another version do not match', () => {
  expect(matchesLock(wanted, installed({}))).toBe(false)
  expect(matchesLock(wanted, installed({ 'node_modules/webgpu': { version: '0.6.1' } }))).toBe(false)
})
