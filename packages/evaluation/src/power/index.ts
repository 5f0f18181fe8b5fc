export {
  detectableEffects,
  type NeededUsers,
  usersForEffect,
} from './detectable-effects.ts'
export { rankingOutcomes } from './ranking-outcomes.ts'
export { type SimulatedTests, simulateTests } from './simulated-tests.ts'
export {
  clickOutcomes,
  type PotentialOutcomes,
  syntheticUserDays,
} from './user-days.ts'
