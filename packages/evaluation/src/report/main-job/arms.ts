import type { SeriesStyle } from '../figures/series-style.ts'
import type { Arm } from './result.ts'

export interface ArmStyle extends SeriesStyle {
  /** In tables and legends. */
  readonly label: string
  /** What the downstream model sees, in a few words. */
  readonly sees: string
}

export const armStyles: Readonly<Record<Arm, ArmStyle>> = {
  without: { label: 'without', sees: 'no served embedding', color: 'var(--arm-without)', symbol: 'square' },
  with: { label: 'with', sees: 'the average over snapshots', color: 'var(--arm-with)', symbol: 'circle' },
  latest: { label: 'latest', sees: 'the latest snapshot alone', color: 'var(--arm-latest)', symbol: 'diamond' },
  random: { label: 'random', sees: 'a random fixed vector (control)', color: 'var(--arm-random)', symbol: 'times' },
  untrained: {
    label: 'untrained',
    sees: 'the untrained tower (control)',
    color: 'var(--arm-untrained)',
    symbol: 'triangle',
  },
}
