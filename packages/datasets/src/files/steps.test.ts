import { expect, test } from 'vitest'
import { LogDatabase } from './log-database.ts'
import { Steps } from './steps.ts'

test('steps are parts of one share, which never falls and ends at 1', async () => {
  const shares: number[] = []
  const steps = new Steps(100, (share) => shares.push(share))
  const result = await steps.step(60, async (advance) => {
    for (const share of [-0.01, 0.5, 0.25, 0.75, 7]) advance(share)
    return 'read'
  })
  await steps.step(40, async () => {})
  expect(result).toBe('read')
  expect(shares).toEqual([0.3, 0.45, 0.6, 1])
})

test('how far a query is comes from DuckDB', async () => {
  const database = await LogDatabase.create()
  try {
    const shares: number[] = []
    const steps = new Steps(2, (share) => shares.push(share))
    await database.use(async (connection) => {
      // Long enough to be asked about some times on any machine.
      await connection.run('CREATE TABLE numbers AS SELECT range AS n FROM range(4000000)')
      await steps.query(2, connection, () =>
        connection.run('CREATE TABLE hashed AS SELECT md5(CAST(n AS VARCHAR)) AS h FROM numbers'),
      )
    })
    expect(shares.length).toBeGreaterThan(2)
    expect(shares).toEqual(shares.toSorted((a, b) => a - b))
    expect(shares[0]).toBeLessThan(1)
    expect(shares.at(-1)).toBe(1)
  } finally {
    await database.close()
  }
})
