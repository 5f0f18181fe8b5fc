import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { changelogSection } from './changelog.mjs'
import { allManifests } from './manifests.mjs'
import { plannedRelease } from './release.mjs'
import { inWorkspace } from './workspace.mjs'

const { version } = JSON.parse(readFileSync(inWorkspace('package.json'), 'utf8'))

test('a release writes its version, everywhere, and nothing else', () => {
  const planned = plannedRelease(version)
  for (const path of allManifests().keys()) {
    const now = readFileSync(path, 'utf8')
    expect(planned.get(path)).toBe(now)
  }
  const [bench] = [...plannedRelease('9.8.7')].filter(([path]) => path.endsWith('bench/package.json'))
  expect(JSON.parse(bench[1])).toMatchObject({ version: '9.8.7', dependencies: { headwater: '9.8.7' } })
  expect(bench[1]).not.toContain(`"@headwater/client": "${version}"`)
})

test('what is no version is refused', () => {
  expect(() => plannedRelease('next')).toThrow(/give one as/)
})

test('the changelog has what changed for users, by area', () => {
  const subjects = ['tools: quicker', 'store, docs: smaller', 'Merge x', 'client: a b: c']
  expect(changelogSection('1.0.0', '2026-01-02', subjects)).toBe(
    '## 1.0.0, 2026-01-02\n\n- **client**: a b: c\n- **store, docs**: smaller\n',
  )
})
