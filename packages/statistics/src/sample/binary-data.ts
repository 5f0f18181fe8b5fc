import { StatisticsError } from './statistics-error.ts'

/** Numbers by index: any typed array, or a plain one. */
export type Numbers = ArrayLike<number>

export function requireSameLength(aName: string, a: Numbers, bName: string, b: Numbers): void {
  if (a.length !== b.length) {
    throw new StatisticsError(
      `${aName} has ${a.length} rows but ${bName} has ${b.length}: pass one value a row in both`,
    )
  }
}

export function requireRows(name: string, values: Numbers): void {
  if (values.length === 0) throw new StatisticsError(`${name} is empty: there is nothing to measure`)
}

export function requireLabel(label: number, row: number): void {
  if (label !== 0 && label !== 1) throw new StatisticsError(`labels[${row}] is ${label}: labels must be 0 or 1`)
}

export function requireProbability(probability: number, row: number): void {
  if (!(probability >= 0 && probability <= 1)) {
    throw new StatisticsError(`probabilities[${row}] is ${probability}: probabilities must lie in [0, 1]`)
  }
}

export function requireFinite(name: string, value: number, index: number): void {
  if (!Number.isFinite(value)) throw new StatisticsError(`${name}[${index}] is ${value}: it must be a finite number`)
}

/** Checks every label and counts the ones. */
export function countPositives(labels: Numbers): number {
  let positives = 0
  for (let row = 0; row < labels.length; row++) {
    requireLabel(labels[row], row)
    positives += labels[row]
  }
  return positives
}

/** Share of ones. @throws StatisticsError on no rows, or on a label that is not 0 or 1. */
export function baseRate(labels: Numbers): number {
  requireRows('labels', labels)
  return countPositives(labels) / labels.length
}
