/** Snapshots with random weights. */
import { compileFeatures } from '@headwater/features'
import { declareTower } from '@headwater/runtime'
import type { AffineMap, NamedMatrix, Snapshot } from '@headwater/snapshot'
import type { SeededRandom } from '@headwater/statistics'
import type { TestModel } from './models.ts'

/** Edges of bins, some of them without width. */
function edges(cols: number, random: SeededRandom): number[] {
  const sorted = Array.from({ length: cols }, () => random.nextNormal()).sort((a, b) => a - b)
  if (cols > 2 && random.nextBelow(2) === 0) sorted[2] = sorted[1]
  return sorted
}

function randomMatrix(name: string, rows: number, cols: number, random: SeededRandom): NamedMatrix {
  const size = name.endsWith('.bias') || name.endsWith('.shift') ? 0.2 : 1 / Math.sqrt(Math.min(rows, 32))
  const value = () =>
    name.endsWith('.gain') || name.endsWith('.scale') ? 1 + 0.3 * random.nextNormal() : size * random.nextNormal()
  const data = name.endsWith('.edges')
    ? Array.from({ length: rows }, () => edges(cols, random)).flat()
    : Array.from({ length: rows * cols }, value)
  return { name, rows, cols, data: Float32Array.from(data) }
}

/** A rotation by Gram–Schmidt, a scale, and a shift. */
function randomAlignment(dim: number, random: SeededRandom): AffineMap {
  const rows: number[][] = []
  while (rows.length < dim) {
    const row = Array.from({ length: dim }, () => random.nextNormal())
    for (const other of [...rows, ...rows]) {
      const dot = row.reduce((sum, value, j) => sum + value * other[j], 0)
      for (let j = 0; j < dim; j++) row[j] -= dot * other[j]
    }
    const norm = Math.hypot(...row)
    rows.push(row.map((value) => value / norm))
  }
  const scale = 0.6 + 0.8 * random.nextFloat()
  const bias = Float32Array.from({ length: dim }, () => random.nextNormal())
  return { dim, weight: Float32Array.from(rows.flat(), (value) => scale * value), bias }
}

/** A snapshot of the model with random weights, of a size that keeps activations near 1. */
export function randomSnapshot({ schema, config, aligned }: TestModel, random: SeededRandom): Snapshot {
  const { user, item } = compileFeatures(schema)
  const matrices = new Map<string, NamedMatrix>()
  for (const { name, rows, cols } of declareTower(user, item, schema.tasks.length, config).set.entries())
    matrices.set(name, randomMatrix(name, rows, cols, random))
  return {
    directory: 'snapshot-000003',
    manifest: {
      format: 3,
      snapshot: 3,
      frame: 1,
      dataCutoffMs: 86_400_000,
      trainedRows: 1000,
      schemaDigest: '',
      config,
      layout: null,
      log: null,
      codeVersion: null,
      publishedMs: 90_000_000,
      parent: null,
      alignment: aligned ? 'procrustes' : 'none',
      panel: null,
      items: null,
      forward: null,
      verdict: { status: 'published', reasons: [], notes: [] },
    },
    schema,
    matrices,
    alignment: aligned ? randomAlignment(config.embeddings.count * config.embeddings.width, random) : null,
    items: null,
    panel: null,
  }
}
