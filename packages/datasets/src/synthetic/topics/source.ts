import { type SyntheticSource, tableColumns } from '../source.ts'
import { Interests, impressionsOfDay, requestsPerDay, requestTimes, type SyntheticImpression } from './day.ts'
import { syntheticSchema } from './schema.ts'
import type { SyntheticWorld } from './world.ts'

export function topicsSource(world: SyntheticWorld): SyntheticSource<SyntheticImpression> {
  const { seed, setting, users, ads } = world
  return {
    seed,
    setting,
    schema: syntheticSchema(setting),
    rowsPerDay: requestsPerDay(setting) * setting.adsPerRequest,
    spanOfDay: (day) => {
      const times = requestTimes(world, day)
      return { firstMs: times[0], lastMs: times[times.length - 1] }
    },
    *days() {
      const interests = new Interests(world)
      for (let day = 0; day < setting.days; day++) {
        interests.advance()
        yield impressionsOfDay(world, interests.values, day)
      }
    },
    tables: {
      ...tableColumns<SyntheticImpression>({
        log_row: ({ event }) => event.row,
        user_index: ({ user }) => user,
        ad_index: ({ ad }) => ad,
        surface_index: ({ surface }) => surface,
        time_ms: ({ event }) => event.timeMs,
        click: ({ event }) => event.values[3] as number,
        conversion: ({ conversion }) => conversion?.label ?? null,
        click_probability: ({ clickProbability }) => clickProbability,
        propensity: (impression) => impression.propensity,
        conversion_probability: ({ conversion }) => conversion?.probability ?? null,
        conversion_delay_days: ({ conversion }) => conversion?.delayDays ?? null,
      }),
      vectors: [
        { table: 'users', key: 'user_index', name: 'profile', values: users.map(({ profile }) => profile) },
        { table: 'ads', key: 'ad_index', name: 'topics', values: ads.map(({ topics }) => topics) },
      ],
      log: `'u' || CAST(user_index AS UINTEGER) AS "user", 'a' || CAST(ad_index AS UINTEGER) AS ad,
        CAST(time_ms AS BIGINT) AS "time", topics, 's' || CAST(surface_index AS UINTEGER) AS surface, profile,
        CAST(click AS UTINYINT) AS click${setting.conversions ? ', CAST(conversion AS UTINYINT) AS conversion' : ''}
        FROM impressions JOIN users USING (user_index) JOIN ads USING (ad_index)`,
      truth: 'click_probability, propensity, conversion_probability, conversion_delay_days FROM impressions',
    },
  }
}
