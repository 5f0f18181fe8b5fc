/** What a schema means where it says nothing. */
export const schemaDefaults = {
  maxValues: 8,
  buckets: 4096,
  itemBuckets: 16_384,
  userBuckets: 32_768,
  shrinkage: 3,
  prior: 0,
  taskWeight: 1,
  windowDays: 30,
} as const
