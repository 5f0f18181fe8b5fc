import type { PanelFigures, Snapshot } from '@headwater/snapshot'
import { expect, test } from 'vitest'
import { renderSnapshot } from './snapshot-tables.ts'

const measured: PanelFigures = {
  users: 2000,
  residual: 0.0489,
  unalignedResidual: 0.1234,
  centredCosine: 0.99834,
  varianceKept: 0.99754,
  effectiveRank: 13.14,
  oldNorm: 13.9,
  newNorm: 14.1,
}

function shown(panel: Partial<PanelFigures>): string {
  const manifest = {
    ...{ format: 3, snapshot: 4, frame: 1, parent: 3, alignment: 'procrustes', panel, forward: null, config: {} },
    ...{ publishedMs: 1_700_000_000_000, dataCutoffMs: 1_700_000_000_000, trainedRows: 123 },
    verdict: { status: 'published', reasons: [], notes: [] },
  }
  const schema = { name: 's', fields: [], aggregations: [], tasks: [] }
  const snapshot = { directory: 'model/snapshot-000004', manifest, schema, matrices: new Map(), alignment: null }
  return renderSnapshot(snapshot as unknown as Snapshot, [])
}

test('all that was measured on the panel is told', () => {
  const text = shown(measured).replace(/\s+/g, ' ')
  expect(text).toContain('2,000 users: residual 0.0489 (0.1234 before alignment), centred cosine 0.9983,')
  expect(text).toContain('variance kept 0.9975, effective rank 13.1, mean norm 13.90 → 14.10')
})

test('of a snapshot of an earlier version what it has is told, and how the rest can be had', () => {
  const { centredCosine: _, varianceKept: __, effectiveRank: ___, ...earlier } = measured
  const text = shown(earlier)
  expect(text).toContain('residual 0.0489')
  expect(text).toContain('mean norm 13.90 → 14.10')
  expect(text).toContain('`headwater snapshots diff MODEL 3 4` does it anew')
  expect(text).not.toMatch(/cosine|–|undefined|NaN/)
})
