/**
 * Names what gave way, from the evidence of the first step that broke and of one that held before. The rules are asked in
 * the order of the list, and the first that holds names it: the load itself comes first, as nothing that a load at its own
 * end sees says much of the service; a busy processor comes before waiting, as all else waits behind it.
 */
import type { StepEvidence } from './step.ts'

export type BottleneckName = 'client' | 'limit' | 'encode' | 'event loop' | 'store' | 'network' | 'service' | 'unknown'

export interface Bottleneck {
  readonly name: BottleneckName
  /** One sentence. */
  readonly because: string
  /** What to do. */
  readonly advice: string
}

export interface Judged {
  readonly broken: StepEvidence
  /** The step of the lowest rate, where it held. */
  readonly calm: StepEvidence | null
  readonly p99Ms: number
}

/** Processors from which on a thread that can use one has no room left. */
const busyCpu = 0.85
/** A part that takes so much of the whole is where the time goes. */
const mostOfIt = 0.5
/** So much slower than in the calm step is slower. */
const grown = 2

interface Rule {
  readonly name: BottleneckName
  readonly advice: string
  /** Why it is this, or null where it is not. */
  readonly finds: (judged: Judged) => string | null
}

const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`
const percent = (share: number) => `${Math.round(100 * share)} %`

/** The rules, in the order in which they are asked. */
const rules: readonly Rule[] = [
  {
    name: 'client',
    advice: 'What was measured is the load: run it on a machine of its own, or several of them.',
    finds: ({ broken: { load }, p99Ms }) => {
      const { cpu, lateP99Ms } = load.client
      if (cpu >= busyCpu) return `the load's own process used ${percent(cpu)} of a processor`
      if (lateP99Ms >= mostOfIt * p99Ms) return `the load itself noticed what was due ${ms(lateP99Ms)} late (p99)`
      return null
    },
  },
  {
    name: 'limit',
    advice: 'Raise requestsPerSecond, burst or maxConcurrent of the service, or ask for less.',
    finds: ({ broken: { load, service } }) => {
      const refused = load.failures['HTTP 429'] ?? 0
      if (refused > 0) return `the service refused ${refused} calls by its own limits (HTTP 429)`
      const beyond = service?.requestsShed.concurrency ?? 0
      return beyond > 0 ? `the service shed ${beyond} calls, as maxConcurrent others were under way` : null
    },
  },
  {
    name: 'service',
    advice: 'Its log, or that of a proxy before it, says why.',
    finds: ({ broken: { load } }) => {
      const gone = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'HTTP 500', 'HTTP 502'].filter(
        (each) => each in load.failures,
      )
      return gone.length > 0 ? `calls failed with ${gone.join(', ')}: it went away, or is broken` : null
    },
  },
  {
    name: 'store',
    advice: "The service's log says what the store failed of; `headwater store check` looks at an LMDB store.",
    finds: ({ broken: { service } }) => {
      const failed = ['store_unavailable', 'store_full', 'contention'].filter((code) => service?.failures[code])
      return failed.length > 0 ? `calls failed with ${failed.join(', ')}` : null
    },
  },
  {
    name: 'encode',
    advice: 'A faster device, a smaller tower, or refreshes of fewer events.',
    finds: ({ broken: { service } }) => {
      if (service === null) return null
      const { offersShed, encodeBusy, queueUsers, queueGrowth } = service
      const waiting = `${queueUsers} users waited for a refresh`
      if (offersShed !== null && offersShed > 0) return `${offersShed} refreshes were shed, and ${waiting}`
      if (encodeBusy !== null && encodeBusy >= busyCpu && queueGrowth !== null && queueGrowth > 0)
        return `batches were in the encoder for ${percent(encodeBusy)} of the time, and ${waiting}, ${queueGrowth} more than before`
      return null
    },
  },
  {
    name: 'event loop',
    advice: 'More server processes, each with a processor of its own: reads keep no state.',
    finds: ({ broken: { service, threads } }) => {
      const main = threads?.main ?? null
      const waiting = threads?.['main, waiting'] ?? 0
      if (main !== null && main + waiting >= busyCpu) {
        const waited = waiting < 0.05 ? '' : `, and waited for one for ${percent(waiting)} of the time`
        return `the thread of its event loop used ${percent(main)} of a processor${waited}`
      }
      const cpu = service?.cpu ?? null
      // Without its threads, a process that has used a whole processor is taken to have used it for its loop.
      if (main === null && cpu !== null && cpu >= busyCpu) return `its process used ${percent(cpu)} of a processor`
      const shed = service?.requestsShed.delay ?? 0
      return shed > 0 ? `${shed} calls had waited for its event loop for too long, and were shed` : null
    },
  },
  {
    name: 'store',
    advice: 'A faster disk or more memory for LMDB, more nodes or a nearer Valkey, or a tier of memory before it.',
    finds: ({ broken: { service }, calm }) => {
      const read = service?.readMeanMs ?? null
      const request = service?.requestMeanMs ?? null
      if (read === null || request === null || read < mostOfIt * request) return null
      const before = calm?.service?.readMeanMs ?? null
      if (before !== null && read < grown * before) return null
      const was = before === null ? '' : `, ${ms(before)} in the calm step`
      return `store and pooling took ${ms(read)} of the ${ms(request)} of a request${was}, while its processor was not full`
    },
  },
  {
    name: 'event loop',
    advice: 'Its processor is taken by others, or it stands still for the disk or the collector: look at the machine.',
    finds: ({ broken: { service }, p99Ms }) => {
      const delay = service?.loopDelayP99Ms ?? null
      if (delay === null || delay < mostOfIt * p99Ms) return null
      return `its event loop was held up for ${ms(delay)} (p99), though its process was not busy all the time`
    },
  },
  {
    name: 'network',
    advice: 'A nearer load, more bandwidth, fp16 answers, or fewer users a call; proxies between count too.',
    finds: ({ broken: { load, service } }) => {
      const request = service?.requestMeanMs ?? null
      if (request === null || load.wireMeanMs === 0) return null
      const between = load.wireMeanMs - request
      if (between < mostOfIt * load.wireMeanMs) return null
      return `${ms(between)} of the ${ms(load.wireMeanMs)} from sending to answer passed outside of the service`
    },
  },
  {
    name: 'service',
    advice: 'Give the load a token with the scope metrics, so that the service can tell.',
    finds: ({ broken: { service } }) =>
      service === null ? 'its /metrics could not be read, and the load itself had room' : null,
  },
  {
    name: 'unknown',
    advice: 'Look at the steps: no part of the time stands out.',
    finds: () => 'no rule holds',
  },
]

/** The first rule that holds. */
export function nameBottleneck(judged: Judged): Bottleneck {
  for (const { name, advice, finds } of rules) {
    const because = finds(judged)
    if (because !== null) return { name, because, advice }
  }
  throw new Error('the last rule always holds')
}
