export { LatencyRecord } from './open-loop/latency-record.ts'
export {
  type Arrivals,
  type LoadObserver,
  type OpenLoop,
  type OpenLoopEnd,
  runOpenLoop,
} from './open-loop/open-loop.ts'
export { type LoadCalls, type LoadTarget, loadCalls, readMetrics, type StartCall } from './open-loop/service-calls.ts'
