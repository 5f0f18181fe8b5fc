export {
  type DetectableEffect,
  detectableEffects,
  type NeededUsers,
  type OutcomeSpread,
  outcomeSpread,
  usersForEffect,
} from './detectable-effects.ts'
export { type RankedImpressions, rankingOutcomes } from './ranking-outcomes.ts'
export { type ShareOfTests, type SimulatedTests, type SimulationOptions, simulateTests } from './simulated-tests.ts'
export { UnfitTestError } from './unfit-test-error.ts'
export {
  clickOutcomes,
  type PotentialOutcomes,
  syntheticUserDays,
  type TestWindow,
  type UserDays,
} from './user-days.ts'
