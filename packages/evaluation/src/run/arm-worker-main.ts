/** Run as a process: runs the arms that its parent names, over the same log, and ends with it. */
import { requestDevice } from '@headwater/gpu'
import { experimentsNamed } from '../experiments/experiments.ts'
import { LabCache } from '../lab/cache/lab-cache.ts'
import { openLabLog } from '../lab/log/open-lab-log.ts'
import { silentStages } from '../progress/stages.ts'
import type { SharedRun, WorkerMessage } from './arm-worker.ts'

process.once('disconnect', () => process.exit())
// A terminal sends it to all; the parent decides.
process.on('SIGINT', () => {})

const run = JSON.parse(process.argv[2]) as SharedRun
const [lab, device] = await Promise.all([openLabLog(run.log), requestDevice()])
const cache = LabCache.on(device, run.directory, lab)
const planned = experimentsNamed(run.experiments).flatMap(({ arms }) => run.seeds.flatMap((seed) => arms(lab, seed)))
const byHash = new Map(planned.map((arm) => [cache.hashOf(arm), arm]))
const context = { device, lab, stages: silentStages, signal: undefined }

const tell = (message: WorkerMessage) => process.send!(message)

process.on('message', async (hash: string) => {
  try {
    await cache.run(byHash.get(hash)!, context)
    tell({ failure: null })
  } catch (error) {
    tell({ failure: error instanceof Error ? error.message : String(error) })
  }
})
tell({ failure: null })
