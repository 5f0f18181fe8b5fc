import { murmur3 } from './murmur3.ts'

/** Seed of a field's hashes, so that equal values of different fields fall into unrelated buckets. */
export function bucketSeed(fieldName: string): number {
  return murmur3(fieldName, 0)
}

/** Bucket 1 … buckets − 1 of a value under a field's seed. */
export function seededBucket(seed: number, value: string, buckets: number): number {
  return 1 + (murmur3(value, seed) % (buckets - 1))
}

/**
 * Row of a hashed embedding table for a categorical value: 0 where it is missing, else 1 … buckets − 1.
 *
 * @param fieldName the field's name; `item` and `user` for the keys themselves
 * @param buckets rows of the table, at least 2
 */
export function bucketOf(fieldName: string, value: string | null, buckets: number): number {
  return value === null ? 0 : seededBucket(bucketSeed(fieldName), value, buckets)
}
