/** Where upstreams and arms are made once and found again, by all that decides them. */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { GpuDevice } from '@headwater/gpu'
import type { Arm, ArmContext, ArmOutcome } from '../arms/arm.ts'
import type { LabLog } from '../log/lab-log.ts'
import { readUpstream, trainUpstream, type Upstream, type UpstreamPlan, upstreamModule } from '../upstream/upstream.ts'
import { codeVersion } from './code-version.ts'
import { contentHash } from './content-hash.ts'
import { readOutcome, writeOutcome } from './outcome-file.ts'

export class LabCache {
  readonly directory: string
  readonly #lab: LabLog
  readonly #adapter: string

  /** @param adapter that arms are run on: another rounds differently */
  constructor(directory: string, lab: LabLog, adapter: string) {
    this.directory = directory
    this.#lab = lab
    this.#adapter = adapter
    mkdirSync(join(directory, 'upstreams'), { recursive: true })
  }

  static on({ adapter, adapterClass }: GpuDevice, directory: string, lab: LabLog): LabCache {
    return new LabCache(directory, lab, adapter.description || adapterClass)
  }

  hashOf({ upstream, settings, seed, module }: Arm): string {
    return contentHash({ ...this.#common(module), settings, seed, upstream: upstream && this.#upstreamHash(upstream) })
  }

  find(arm: Arm): ArmOutcome | null {
    return readOutcome(this.#pathOf(arm))
  }

  has(arm: Arm): boolean {
    return existsSync(this.#pathOf(arm))
  }

  hasUpstream(plan: UpstreamPlan): boolean {
    return existsSync(join(this.directoryOf(plan), 'upstream.json'))
  }

  /** Runs an arm, or takes what it left before. */
  async run(arm: Arm, context: ArmContext): Promise<ArmOutcome> {
    const found = this.find(arm)
    if (found !== null) return found
    const upstream = arm.upstream && (await this.upstream(arm.upstream, context))
    const directory = join(this.directory, 'files', this.hashOf(arm))
    rmSync(directory, { recursive: true, force: true })
    const outcome = await arm.run({ ...context, directory }, upstream)
    rmSync(directory, { recursive: true, force: true })
    const { run: _, ...about } = arm
    writeOutcome(this.#pathOf(arm), { ...about, log: this.#lab.log.name }, outcome)
    return outcome
  }

  async upstream(plan: UpstreamPlan, { device, stages, signal }: ArmContext): Promise<Upstream> {
    const directory = this.directoryOf(plan)
    return readUpstream(directory) ?? trainUpstream(device, this.#lab, plan, directory, stages, signal)
  }

  /** Where an upstream is kept, or will be. */
  directoryOf(plan: UpstreamPlan): string {
    return join(this.directory, 'upstreams', this.#upstreamHash(plan))
  }

  #pathOf(arm: Arm): string {
    return join(this.directory, 'arms', this.hashOf(arm))
  }

  #common(module: string) {
    const { settings, fingerprint } = this.#lab
    return { log: fingerprint, lab: settings, adapter: this.#adapter, code: codeVersion(module) }
  }

  #upstreamHash(plan: UpstreamPlan): string {
    return contentHash({ ...this.#common(upstreamModule), plan })
  }
}
