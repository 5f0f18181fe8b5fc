import { afterEach, beforeEach, describe } from 'vitest'
import type { Driver } from '../src/drivers/driver.ts'
import { describeEvents } from './conformance/events.ts'
import { describeForgetting } from './conformance/forgetting.ts'
import { describeRings } from './conformance/rings.ts'
import { describeStates } from './conformance/states.ts'
import { Subject } from './conformance/subject.ts'
import { describeUpkeep } from './conformance/upkeep.ts'

/** What every driver must do, whatever holds its records. `open` gives a driver that is new and empty. */
export function describeConformance(name: string, open: () => Driver | Promise<Driver>): void {
  describe(`conformance of ${name}`, () => {
    let subject: Subject
    beforeEach(async () => {
      subject = new Subject(await open())
    })
    afterEach(() => subject.store.close())
    const current = () => subject
    describeRings(current)
    describeStates(current)
    describeEvents(current)
    describeForgetting(current)
    describeUpkeep(current)
  })
}
