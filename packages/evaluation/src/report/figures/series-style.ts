/** How a line or a point looks. */
export interface SeriesStyle {
  /** CSS custom property; `style.ts` gives it a value in each colour scheme. */
  readonly color: string
  /** Plot symbol, so that nothing is told by colour alone. */
  readonly symbol: 'circle' | 'square' | 'diamond' | 'triangle' | 'times'
}

/** Of series without one of their own, in their order. */
export const seriesStyles: readonly SeriesStyle[] = [
  { color: 'var(--arm-with)', symbol: 'circle' },
  { color: 'var(--arm-random)', symbol: 'triangle' },
  { color: 'var(--arm-latest)', symbol: 'diamond' },
  { color: 'var(--arm-untrained)', symbol: 'square' },
  { color: 'var(--arm-without)', symbol: 'times' },
  { color: 'var(--text)', symbol: 'circle' },
]
