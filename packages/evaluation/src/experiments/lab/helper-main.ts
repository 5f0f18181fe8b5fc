/** Run as a process: runs the arms that its parent names, over the same log, and ends with it. */
import { requestDevice } from '@headwater/gpu'
import { experimentsNamed } from '../experiments.ts'
import type { HelperMessage, HelperOrder, SharedRun } from './arm-helper.ts'
import { openLabLog } from './open-lab-log.ts'
import { plannedArms } from './planned-arms.ts'
import { Workshop } from './workshop.ts'

const silent = { begin() {}, advance() {}, end() {} }

process.once('disconnect', () => process.exit())
// A terminal sends it to all; the parent decides.
process.on('SIGINT', () => {})

const run = JSON.parse(process.argv[2]) as SharedRun
const [lab, device] = await Promise.all([openLabLog(run.log), requestDevice()])
const workshop = Workshop.on(device, run.directory, lab)
const planned = plannedArms(experimentsNamed(run.experiments), lab, run.seeds)
const arms = new Map(planned.flatMap(({ bySeed }) => bySeed.flat()).map((arm) => [workshop.hashOf(arm), arm]))
const context = { device, lab, stages: silent, signal: undefined }

process.on('message', async ({ arm }: HelperOrder) => {
  try {
    await workshop.run(arms.get(arm)!, context)
    tell({ kind: 'ran', failure: null })
  } catch (error) {
    tell({ kind: 'ran', failure: error instanceof Error ? error.message : String(error) })
  }
})
tell({ kind: 'ready' })

function tell(message: HelperMessage): void {
  process.send!(message)
}
