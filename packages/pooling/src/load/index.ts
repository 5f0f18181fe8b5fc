export { type Arrivals, type OpenLoop, type OpenLoopEnd, runOpenLoop } from './open-loop.ts'
export { type LoadCalls, type LoadTarget, loadCalls, readMetrics, type StartCall } from './service-calls.ts'
