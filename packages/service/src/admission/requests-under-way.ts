import type { IncomingMessage } from 'node:http'
import type { RequestContext } from './request-context.ts'

/**
 * Requests that are let in and not answered yet: first their bodies arrive, then they are worked on. A body may be as long in coming
 * as its caller likes, so those that come take no place of those that are there.
 */
export class RequestsUnderWay {
  /** The first to come first. */
  readonly #arriving = new Map<RequestContext, IncomingMessage>()
  readonly #working = new Set<RequestContext>()
  readonly #workingOf = new Map<string, number>()
  #onNone: (() => void) | null = null

  get count(): number {
    return this.#arriving.size + this.#working.size
  }

  get working(): number {
    return this.#working.size
  }

  /** Of one tenant. */
  workingOf(tenant: string): number {
    return this.#workingOf.get(tenant) ?? 0
  }

  /** Begins a request, whose body is to come. @returns how many bodies are coming */
  arrive(context: RequestContext, request: IncomingMessage): number {
    return this.#arriving.set(context, request).size
  }

  /** Cuts off the request that is the longest in coming. */
  cutFirst(): void {
    const [[context, request]] = this.#arriving
    this.end(context)
    request.destroy()
  }

  isArriving(context: RequestContext): boolean {
    return this.#arriving.has(context)
  }

  /** The body has come. */
  work(context: RequestContext): void {
    this.#arriving.delete(context)
    this.#working.add(context)
    const { tenant } = context.principal!
    this.#workingOf.set(tenant, this.workingOf(tenant) + 1)
  }

  /** Nothing where it is not under way. */
  end(context: RequestContext): void {
    if (this.#working.delete(context)) {
      const { tenant } = context.principal!
      this.#workingOf.set(tenant, this.workingOf(tenant) - 1)
    } else if (!this.#arriving.delete(context)) return
    if (this.count === 0) this.#onNone?.()
  }

  /** Resolves once nothing is under way, or after `maxMs`. */
  async none(maxMs: number): Promise<void> {
    if (this.count === 0) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#onNone = resolve
      timer = setTimeout(resolve, maxMs)
    })
    clearTimeout(timer)
  }
}
