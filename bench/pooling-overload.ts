/** Reads at 70 % of what the service can do, while three times as many refreshes are offered as the encoder can do. */
import { inTurns, placesOf, type SettingFigures, sleep, type TurnsRatio, withService } from './pooling-served.ts'
import { offeredUsers } from './pooling-world.ts'

export interface OverloadFigures {
  readonly places: string
  readonly readShare: number
  readonly readsPerSecond: number
  readonly encodePerSecond: number
  readonly offersPerSecond: number
  readonly before: SettingFigures
  readonly overload: SettingFigures
  /** Read p99, overloaded ÷ before, of pairs that alternate. */
  readonly ratio: TurnsRatio
  readonly ratioAtMost: number
  /** In one overload that lasts. */
  readonly lasting: {
    readonly seconds: number
    readonly offers: number
    readonly shed: number
    readonly refreshes: number
    /** Age of the oldest embedding held of the users who are offered, at the end. */
    readonly oldestS: number
    /** What that would be if they were refreshed in turn: users ÷ refreshes a second. */
    readonly inTurnS: number
  }
}

const readShare = 0.7
const overload = 3
const maxQueue = 1_000
const lastingSeconds = 20

export function benchOverload(): Promise<OverloadFigures> {
  return withService({ isEncoderApart: true, maxQueue }, async (served) => {
    const encodePerSecond = await served.encodeCapacity(4)
    const offersPerSecond = overload * encodePerSecond
    const { figures, ratio } = await inTurns(
      served,
      ['before', 'overload'],
      { rounds: 22, share: readShare, seconds: 1 },
      async (setting) => {
        await served.tell({ do: 'offer', perSecond: setting === 'overload' ? offersPerSecond : 0 })
      },
    )
    const start = await served.tell({ do: 'offer', perSecond: offersPerSecond })
    await sleep(1_000 * lastingSeconds)
    const end = await served.tell()
    const since = (counter: 'shed' | 'refreshes') => end.counters[counter] - start.counters[counter]
    return {
      places: placesOf(true),
      readShare,
      readsPerSecond: readShare * served.callsPerSecond,
      encodePerSecond,
      offersPerSecond,
      before: figures.before,
      overload: figures.overload,
      ratio: ratio('overload', 'before'),
      ratioAtMost: 1.3,
      lasting: {
        seconds: lastingSeconds,
        offers: Math.round(offersPerSecond * lastingSeconds),
        shed: since('shed'),
        refreshes: since('refreshes'),
        oldestS: end.oldestOfferedMs / 1_000,
        inTurnS: (offeredUsers * lastingSeconds) / since('refreshes'),
      },
    }
  })
}
