import type { SnapshotChange } from '@headwater/client'
import type { ModelControl } from '@headwater/client/schemas'
import { wireErrorOf } from '../failures/failure.ts'

interface Asked {
  change: SnapshotChange
  readonly done: Promise<number>
}

/** What was asked of one model's snapshots. Loading one may take longer than a request, and goes on without it. */
export class SnapshotChanges {
  readonly #control: ModelControl
  #last: Asked | null = null

  constructor(control: ModelControl) {
    this.#control = control
  }

  /** What was asked last, and what came of it. */
  get last(): SnapshotChange | null {
    return this.#last?.change ?? null
  }

  /** Resolves once it is served. Asked again while it is loaded, it is one change. @throws what the control throws */
  promote(snapshot: number): Promise<number> {
    if (this.#last?.change.state === 'loading' && this.#last.change.snapshot === snapshot) return this.#last.done
    return this.#begin(snapshot, () => this.#control.promote(snapshot).then(() => snapshot))
  }

  /** @returns the snapshot that is served then @throws what the control throws */
  rollback(): Promise<number> {
    return this.#begin(null, () => this.#control.rollback())
  }

  #begin(snapshot: number | null, work: () => Promise<number>): Promise<number> {
    const last: Asked = { change: { snapshot, state: 'loading', error: null }, done: work() }
    this.#last = last
    last.done.then(
      (served) => {
        last.change = { snapshot: served, state: 'served', error: null }
      },
      (cause) => {
        const { code, message } = wireErrorOf(cause)
        last.change = { snapshot, state: 'refused', error: { code, message } }
      },
    )
    return last.done
  }
}
