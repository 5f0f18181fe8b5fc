import { type Numbers, requireFinite, requireRows } from './binary-data.ts'

/** @throws StatisticsError on no values or one that is not finite. */
export function mean(values: Numbers): number {
  requireRows('values', values)
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    requireFinite('values', values[i], i)
    sum += values[i]
  }
  return sum / values.length
}

export interface MeanAndSd {
  readonly mean: number
  /** Sample standard deviation (n − 1 below the line); null of a single value, which says nothing about spread. */
  readonly sd: number | null
}

/** For figures of repeated runs, such as one NE a training seed. @throws StatisticsError on no values. */
export function meanAndSd(values: Numbers): MeanAndSd {
  const center = mean(values)
  if (values.length === 1) return { mean: center, sd: null }
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += (values[i] - center) ** 2
  return { mean: center, sd: Math.sqrt(squares / (values.length - 1)) }
}
