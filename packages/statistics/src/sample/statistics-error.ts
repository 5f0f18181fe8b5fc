/** Input that has no defined statistic. The message says what was wrong, where, and what to do. */
export class StatisticsError extends Error {
  override readonly name = 'StatisticsError'
}
