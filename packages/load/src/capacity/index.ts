import type { MeasuredConstants } from './constants.ts'
import measured from './measured.json' with { type: 'json' }

export {
  type CapacityCheck,
  type CapacityConstants,
  CapacityError,
  type Constant,
  type ConstantName,
  constantMeanings,
  type MeasuredConstants,
  withConstants,
} from './constants.ts'
export { type CapacityDemand, demandBounds } from './demand.ts'
export {
  allocatedBytes,
  answerBytes,
  type CapacityPlan,
  mastersAsked,
  planCapacity,
  type ReadShape,
  readUs,
  ringRecordBytes,
  storeReadUs,
  userBytes,
} from './plan.ts'

/** Those that Headwater comes with: `npx nx run bench:capacity` measures them anew. */
export const measuredConstants: MeasuredConstants = measured
