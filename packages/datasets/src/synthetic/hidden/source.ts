import type { TimeRange } from '../../log/log.ts'
import { rowsOf, type SyntheticSource, tableColumns } from '../source.ts'
import { type HiddenImpression, impressionsOfDay, MovingState } from './day.ts'
import { hiddenSchema } from './schema.ts'
import { requestsPerDay, visitsOfDay } from './visits.ts'
import type { HiddenWorld } from './world.ts'

/** The rows of a world with hidden factors in time order, each with the truth behind it; memory holds one day's requests. */
export const hiddenEvents = (world: HiddenWorld, range?: TimeRange): Generator<HiddenImpression> =>
  rowsOf(hiddenSource(world), range)

export function hiddenSource(world: HiddenWorld): SyntheticSource<HiddenImpression> {
  const { seed, setting } = world
  return {
    seed,
    setting,
    schema: hiddenSchema(setting),
    rowsPerDay: requestsPerDay(world) * setting.positions.length,
    spanOfDay: (day) => {
      const visits = visitsOfDay(world, day)
      return { firstMs: visits[0].timeMs, lastMs: visits[visits.length - 1].timeMs }
    },
    *days() {
      const state = new MovingState(world)
      for (let day = 0; day < setting.days; day++) {
        state.advance()
        yield impressionsOfDay(world, state, day)
      }
    },
    tables: {
      ...tableColumns<HiddenImpression>({
        log_row: ({ event }) => event.row,
        user_index: ({ user }) => user,
        item_index: ({ item }) => item,
        time_ms: ({ event }) => event.timeMs,
        category_index: ({ item }) => world.items[item].category,
        age: ({ event }) => event.values[2] as number,
        popularity: ({ event }) => event.values[3] as number,
        position_index: ({ position }) => position,
        click: ({ clicked }) => (clicked ? 1 : 0),
        conversion: ({ conversion }) => conversion?.label ?? null,
        click_probability: ({ clickProbability }) => clickProbability,
        offset_logit: ({ offset }) => offset,
        order_effect: ({ orderEffect }) => orderEffect,
        affinity: (impression) => impression.affinity,
        conversion_probability: ({ conversion }) => conversion?.probability ?? null,
        conversion_delay_days: ({ conversion }) => conversion?.delayDays ?? null,
      }),
      vectors: [],
      log: `'u' || CAST(user_index AS UINTEGER) AS "user", 'i' || CAST(item_index AS UINTEGER) AS item,
        CAST(time_ms AS BIGINT) AS "time", 'c' || CAST(category_index AS UINTEGER) AS category, age, popularity,
        'p' || CAST(position_index AS UINTEGER) AS position, CAST(click AS UTINYINT) AS click,
        CAST(conversion AS UTINYINT) AS conversion
        FROM impressions`,
      truth: `click_probability, offset_logit, order_effect, affinity, conversion_probability, conversion_delay_days
        FROM impressions`,
    },
  }
}
