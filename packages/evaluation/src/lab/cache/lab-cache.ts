/** Where upstreams and arms are made once and found again, by all that decides them. */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { GpuDevice } from '@headwater/gpu'
import type { Arm, ArmContext, ArmOutcome } from '../arms/arm.ts'
import type { LabLog } from '../log/lab-log.ts'
import { readUpstream, trainUpstream, type Upstream, type UpstreamPlan } from '../upstream/upstream.ts'
import { ArmCache } from './arm-cache.ts'
import { codeVersion } from './code-version.ts'
import { contentHash } from './content-hash.ts'

export class LabCache {
  readonly directory: string
  readonly #lab: LabLog
  readonly #adapter: string
  readonly #arms: ArmCache

  /** @param adapter that arms are run on: another rounds differently */
  constructor(directory: string, lab: LabLog, adapter: string) {
    this.directory = directory
    this.#lab = lab
    this.#adapter = adapter
    this.#arms = new ArmCache(join(directory, 'arms'))
    mkdirSync(join(directory, 'upstreams'), { recursive: true })
  }

  static on({ adapter, adapterClass }: GpuDevice, directory: string, lab: LabLog): LabCache {
    return new LabCache(directory, lab, adapter.description || adapterClass)
  }

  hashOf(arm: Arm): string {
    const { upstream, settings, seed } = arm
    return contentHash({
      ...this.#common(),
      settings,
      seed,
      upstream: upstream && this.#upstreamHash(upstream),
    })
  }

  find(arm: Arm): ArmOutcome | null {
    return this.#arms.read(this.hashOf(arm))
  }

  has(arm: Arm): boolean {
    return this.#arms.has(this.hashOf(arm))
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
    const { name, seed, settings } = arm
    this.#arms.write(
      this.hashOf(arm),
      { name, seed, settings, upstream: arm.upstream, log: this.#lab.log.name },
      outcome,
    )
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

  #common() {
    const { settings, fingerprint } = this.#lab
    return { log: fingerprint, lab: settings, adapter: this.#adapter, code: codeVersion() }
  }

  #upstreamHash(plan: UpstreamPlan): string {
    return contentHash({ ...this.#common(), plan })
  }
}
