import { InvalidArgumentError } from 'commander'

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** "30s", "90m", "6h", "1d", "2w" in milliseconds. @throws InvalidArgumentError, which is shown as an error of the command line */
export function durationMs(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,5})([smhdw])$/.exec(text) ?? []
  if (!count) throw new InvalidArgumentError('Give a number and a unit: 30s, 90m, 6h, 1d or 2w.')
  return Number(count) * unitsMs[unit as keyof typeof unitsMs]
}

const roundLengths = ['1h', '6h', '1d', '1w', '4w', '12w', '52w']

/** A length of rounds, of which a log has some ten at most. */
export function roundLength(spanMs: number): string {
  return roundLengths.find((length) => spanMs <= 10 * durationMs(length)) ?? '52w'
}
