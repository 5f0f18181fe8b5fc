/**
 * `headwater store export` against a raw scan of the same bytes by lmdb itself, in one run: all vectors of a model into Parquet, those of
 * fp16 as bytes of a fixed size.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fixedBytes, texts, timestamps, unsigned, writeParquet } from '@headwater/logs'
import { exportVectors, type VectorRows } from '@headwater/store'
import { compareRounds, type LmdbComparison, loadUsers, model, openBare } from './store-lmdb.ts'

export async function benchExport(users: number, progress: (line: string) => void): Promise<LmdbComparison> {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-bench-'))
  try {
    const path = join(directory, 'store')
    progress(`export: loading ${users.toLocaleString('en')} users × 1 model`)
    await loadUsers(path, users)
    const bare = openBare(path)
    progress('export: scans')
    const write = (rows: VectorRows, part: number) => {
      const width = 2 * rows.dim
      const columns = {
        user: texts('user'),
        snapshot: unsigned('snapshot'),
        frame: unsigned('frame'),
        featureTimeMs: timestamps('feature_time'),
        writtenMs: timestamps('written_at'),
        vector: fixedBytes('vector', width),
      }
      const vector = new Uint8Array(rows.halves.buffer, rows.halves.byteOffset, rows.rows * width)
      const { rows: count, user, snapshot, frame, featureTimeMs, writtenMs } = rows
      const own = { rows: count, user, snapshot, frame, featureTimeMs, writtenMs, vector }
      return writeParquet(join(directory, `part-${part}.parquet`), columns, own)
    }
    try {
      return await compareRounds('export of fp16 as Parquet against a raw scan', 7, 0.4, async (which) => {
        const startMs = performance.now()
        if (which === 'bare') {
          let bytes = 0
          for (const { value } of bare.rings.getRange({ start: '\u0001' })) bytes += value.length
          if (bytes < 1_000 * users) throw new Error(`a scan met ${bytes} bytes alone`)
        } else {
          let part = 0
          const into = { write: (rows: VectorRows) => write(rows, part++), restart: async () => {} }
          await exportVectors(`lmdb:${path}`, { model }, into)
        }
        return (1_000 * users) / (performance.now() - startMs)
      })
    } finally {
      await bare.root.close()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
