import { fileURLToPath } from 'node:url'

const folder = new URL('../../data/movietweetings-100k/', import.meta.url)

/** The bundled real log: 100,000 movie ratings by 16,554 users, February to September 2013. */
export const movietweetings = {
  data: fileURLToPath(new URL('ratings.parquet', folder)),
  schema: fileURLToPath(new URL('schema.json', folder)),
} as const
