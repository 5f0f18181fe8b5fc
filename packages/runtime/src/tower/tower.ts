import type { SideLayout } from '@headwater/features'
import { ParameterSet } from '../parameters/parameter-set.ts'
import type { ModelConfig } from './config.ts'
import { checkModelConfig } from './config-check.ts'
import { declareMixTower, type MixTower } from './mix-tower.ts'
import { declareUserTower, type UserTower } from './user-tower.ts'

/** A user tower and its mix tower, declared: everything but memory. */
export interface Tower {
  readonly config: ModelConfig
  readonly set: ParameterSet
  readonly user: UserTower
  readonly mix: MixTower
}

/**
 * The upstream model of SUM (arXiv 2311.09544): DLRM split in two towers.
 * @throws ModelConfigError
 */
export function declareTower(user: SideLayout, item: SideLayout, tasks: number, config: ModelConfig): Tower {
  checkModelConfig(config, user, item)
  const set = new ParameterSet()
  const users = declareUserTower(set, user, config)
  const memoryAt = users.made < users.dim ? users.made : null
  return { config, set, user: users, mix: declareMixTower(set, item, tasks, config, memoryAt) }
}
