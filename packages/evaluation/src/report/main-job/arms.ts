import type { SeriesStyle } from '../figures/series-style.ts'
import type { Arm } from './result.ts'

export interface ArmStyle extends SeriesStyle {
  /** In tables and legends. */
  readonly label: string
  /** What the downstream model sees, in a few words. */
  readonly sees: string
}

export const armStyles: Readonly<Record<Arm, ArmStyle>> = {
  without: { label: 'without', sees: 'no served embedding (baseline)', color: 'var(--arm-without)', symbol: 'square' },
  with: { label: 'with', sees: 'the served embedding', color: 'var(--arm-with)', symbol: 'circle' },
  flags: {
    label: 'flags',
    sees: 'a vector’s flags alone (control)',
    color: 'var(--arm-flags)',
    symbol: 'cross',
  },
  random: { label: 'random', sees: 'a random fixed vector (control)', color: 'var(--arm-random)', symbol: 'times' },
  untrained: {
    label: 'untrained',
    sees: 'the untrained tower (control)',
    color: 'var(--arm-untrained)',
    symbol: 'triangle',
  },
  features: {
    label: 'features',
    sees: 'the tower’s input features (baseline)',
    color: 'var(--arm-features)',
    symbol: 'star',
  },
  linear: {
    label: 'linear',
    sees: 'statistics, by a regression (baseline)',
    color: 'var(--arm-linear)',
    symbol: 'wye',
  },
}
