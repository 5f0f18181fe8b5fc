import { join } from 'node:path'

/**
 * Nine records of three 192-wide vectors lie on a page of 16 KB, two on one of 4 KB: a file a third smaller for appends
 * that measured some per cent slower, and reads as fast.
 */
export const pageBytes = 16_384

export const dataPathOf = (path: string) => join(path, 'data.mdb')
