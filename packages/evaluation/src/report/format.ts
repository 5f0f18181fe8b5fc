/** Figures as text, the same in the terminal and in the report. */
import type { Bounds, Interval } from './findings.ts'

const minus = '−'

/** Grouped by thousands. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** `2.5M`, for axes. */
export function formatCompactCount(count: number): string {
  return count.toLocaleString('en-US', { notation: 'compact' })
}

/** With a true minus sign. */
export function formatFixed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits)
  return value < 0 && Number(text) !== 0 ? minus + text : text
}

/** A fraction as percent. */
export function formatPercent(fraction: number, digits = 1): string {
  return `${formatFixed(100 * fraction, digits)} %`
}

/** A relative gain, with its sign. */
export function formatGain(fraction: number): string {
  const text = formatPercent(fraction, 2)
  return fraction > 0 ? `+${text}` : text
}

/** `[+5.14, +7.33]`, in percent. */
export function formatGainBounds({ low, high }: Bounds): string {
  const signed = (fraction: number) => (fraction > 0 ? '+' : '') + formatFixed(100 * fraction, 2)
  return `[${signed(low)}, ${signed(high)}]`
}

export function formatGainInterval(gain: Interval): string {
  return `${formatGain(gain.value)} ${formatGainBounds(gain)}`
}

/** Four digits: seeds differ in the third. */
export function formatNe(ne: number): string {
  return formatFixed(ne, 4)
}

export function formatNeBounds({ low, high }: Bounds): string {
  return `[${formatNe(low)}, ${formatNe(high)}]`
}

/** A cosine or relative distance; a dash where there was nothing to compare. */
export function formatDrift(drift: number | null): string {
  return drift === null ? '–' : formatFixed(drift, 4)
}

/** A number of directions; a dash where there is none. */
export function formatRank(rank: number | null): string {
  return rank === null ? '–' : formatFixed(rank, 1)
}

/** Three significant digits in the unit that keeps them short. */
export function formatDuration(ms: number): string {
  if (ms < 0.001) return `${significant(ms * 1e6)} ns`
  if (ms < 1) return `${significant(ms * 1000)} µs`
  if (ms < 1000) return `${significant(ms)} ms`
  return `${significant(ms / 1000)} s`
}

/** A span of log time in the unit that keeps it short; a dash where there is none. */
export function formatAge(ms: number): string {
  if (Number.isNaN(ms)) return '–'
  if (ms < 60_000) return formatDuration(ms)
  if (ms < 3_600_000) return `${formatFixed(ms / 60_000, 1)} min`
  return ms < 2 * 86_400_000 ? `${formatFixed(ms / 3_600_000, 1)} h` : `${formatFixed(ms / 86_400_000, 1)} days`
}

export function formatBytes(bytes: number): string {
  return bytes < 1e9 ? `${significant(bytes / 1e6)} MB` : `${significant(bytes / 1e9)} GB`
}

/** Day in UTC. */
export function formatDay(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10)
}

/** The days that a log is of. */
export function formatDays({ firstTimeMs, lastTimeMs }: { firstTimeMs: number; lastTimeMs: number }): string {
  return `${formatDay(firstTimeMs)} to ${formatDay(lastTimeMs)}`
}

function significant(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(value)))
  return value.toFixed(Math.min(digits, 2))
}
