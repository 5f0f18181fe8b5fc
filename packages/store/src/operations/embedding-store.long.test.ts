/** A batch as large as one may be takes a driver in memory many seconds: `npx nx test store` runs this. */
import { expect, it } from 'vitest'
import { expectLargeBatch } from '../../testing/large-batch.ts'
import { memoryDriver } from '../drivers/memory/memory-driver.ts'
import { RequestError } from '../index.ts'
import { EmbeddingStore } from './embedding-store.ts'

it('takes a batch of 1,048,576 rows and refuses one of one more', async () => {
  const store = new EmbeddingStore(memoryDriver(), 'default')
  const users = await expectLargeBatch(store, 2 ** 20)
  await expect(store.readStates('user', [...users, 'more'])).rejects.toThrow(RequestError)
  await store.close()
})
