import { murmur3, type SideBatch } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'

/** A control: a fixed standard normal vector for each user, which knows nothing but who it is. */
export function randomVectors(seed: number, dim: number) {
  return async (_batch: SideBatch, users: readonly string[]): Promise<Float32Array> => {
    const vectors = new Float32Array(users.length * dim)
    for (const [u, user] of users.entries()) {
      const random = seededRandom(murmur3(user, seed))
      for (let d = 0; d < dim; d++) vectors[u * dim + d] = random.nextNormal()
    }
    return vectors
  }
}
