import { formatDuration, formatFixed } from '../../report/format.ts'

/** A span of log time in the unit that keeps it short; a dash where there is none. */
export function formatAge(ms: number): string {
  if (Number.isNaN(ms)) return '–'
  if (ms < 60_000) return formatDuration(ms)
  if (ms < 3_600_000) return `${formatFixed(ms / 60_000, 1)} min`
  return ms < 2 * 86_400_000 ? `${formatFixed(ms / 3_600_000, 1)} h` : `${formatFixed(ms / 86_400_000, 1)} days`
}
