/**
 * What reads feel of the encoder: their p99 while it is idle, while it always has work, and while its tower is ten times
 * dearer; the encoder on a processor of its own, or on both at lower priority.
 */
import { presets } from '@headwater/runtime'
import { inTurns, placesOf, type SettingFigures, type TurnsRatio, withService } from './pooling-served.ts'
import { dearerConfig, encodingFlops } from './pooling-towers.ts'
import { openWorld } from './pooling-world.ts'

export interface EncoderLoadFigures {
  readonly places: string
  readonly readShare: number
  readonly readsPerSecond: number
  readonly idle: SettingFigures
  readonly saturated: SettingFigures
  /** Read p99, saturated ÷ idle, of pairs that alternate. */
  readonly saturatedRatio: TurnsRatio
  readonly saturatedRatioAtMost: number
}

export interface DearerFigures extends EncoderLoadFigures {
  readonly dearer: SettingFigures
  /** FLOPs of an embedding, to those of preset `base`. */
  readonly dearerFlops: number
  /** Read p99, saturated with the dearer tower ÷ saturated with `base`. */
  readonly dearerRatio: TurnsRatio
  readonly dearerRatioAtMost: number
}

const readShare = 0.5
const plan = { rounds: 22, share: readShare, seconds: 1 }
/** Small batches, so that a dear one is soon done with when the next setting is to begin. */
const batches = { batchRows: 16, maxQueue: 100_000 } as const

type Setting = 'idle' | 'saturated' | 'dearer'

const measured = (isEncoderApart: boolean, settings: readonly Setting[], atMost: number) =>
  withService({ isEncoderApart, ...batches }, async (served) => {
    const set = async (setting: Setting) => {
      await served.tell({ do: 'encode with', tower: setting === 'dearer' ? 'dearer' : 'base' })
      await served.tell({ do: 'offer', perSecond: 0 })
      if (setting !== 'idle') await served.tell({ do: 'offer', perSecond: 'saturating' })
    }
    const { figures, ratio } = await inTurns(served, settings, plan, set)
    return {
      ratio,
      figures,
      common: {
        places: placesOf(isEncoderApart),
        readShare,
        readsPerSecond: readShare * served.callsPerSecond,
        idle: figures.idle,
        saturated: figures.saturated,
        saturatedRatio: ratio('saturated', 'idle'),
        saturatedRatioAtMost: atMost,
      },
    }
  })

export async function benchEncoderApart(): Promise<DearerFigures> {
  const { space } = await openWorld()
  const { figures, ratio, common } = await measured(true, ['idle', 'saturated', 'dearer'], 1.3)
  return {
    ...common,
    dearer: figures.dearer,
    dearerFlops: encodingFlops(space, dearerConfig) / encodingFlops(space, presets.base),
    dearerRatio: ratio('dearer', 'saturated'),
    dearerRatioAtMost: 1.3,
  }
}

export async function benchEncoderShared(): Promise<EncoderLoadFigures> {
  return (await measured(false, ['idle', 'saturated'], 2)).common
}
