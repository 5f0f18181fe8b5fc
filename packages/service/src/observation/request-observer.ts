import type { IncomingMessage } from 'node:http'
import type { WireError } from '@headwater/client/wire'
import type { ServedBatch } from '@headwater/pooling'
import type { Principal } from '../access/tokens.ts'

/** A request that has been answered, or whose connection ended before. */
export interface RequestEnd {
  /** As it is declared, `/v1/users/:id`; `unknown` where there is none. */
  readonly route: string
  /** 0 where nothing was answered. */
  readonly status: number
  /** From its arrival to the end of its answer. */
  readonly ms: number
  /** Null where nobody was let in, or nobody is asked. */
  readonly principal: Principal | null
  /** What it was refused with. */
  readonly error: WireError | null
  /** What a read was served. */
  readonly served: ServedBatch | null
}

/** Called at the end of every request, on the thread that answers them: be quick, and never throw. */
export type RequestObserver = (request: IncomingMessage, end: RequestEnd) => void
