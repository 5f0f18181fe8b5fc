/** Arms that several experiments have, so that each is run once. */
import type { ModelName } from '../downstream/family.ts'
import type { Arm } from '../lab/arms/arm.ts'
import { type DownstreamArmPlan, downstreamArm, latestAlone, type Setup } from '../lab/arms/downstream-arm.ts'
import { headArm } from '../lab/arms/head-arm.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import type { UpstreamPlan } from '../lab/upstream/upstream.ts'
import type { Variant } from '../lab/upstream/variant.ts'
import type { ServingPolicy } from '../replay/serving-policy.ts'

export const dayMs = 86_400_000
/** Of an average: all that it asks for is averaged, however far behind the newest. */
export const anyLagMs = Number.MAX_SAFE_INTEGER

/** Numbers of the tower's vector. */
export function servedWidth({ settings }: Pick<LabLog, 'settings'>): number {
  const { count, width } = settings.config.embeddings
  return count * width
}

/** The upstream of all experiments that do not vary it. */
export function standardUpstream(seed: number): UpstreamPlan {
  return { seed, withoutSurface: false, start: 'warm', alignment: 'procrustes', variant: null }
}

/**
 * The own head, synchronous, of an upstream that differs from the others'. It reads no published vector, so that nothing has to
 * be lined up. In a quick run the first snapshot is all there is of it.
 */
export function variantHead({ quick }: LabLog, seed: number, name: string, told: string, variant: Variant): Arm {
  const standard = standardUpstream(seed)
  const upstream = { ...standard, alignment: 'none', variant, ...(quick && { firstAlone: true as const }) } as const
  const title = `upstream's own head: ${told}`
  return headArm(seed, upstream, { name, title, policy: { kind: 'synchronous' }, frozen: false })
}

export const servingModes = ['frozen', 'daily', 'asynchronous', 'synchronous'] as const
export type ServingMode = (typeof servingModes)[number]

export const modeTitles: Readonly<Record<ServingMode, string>> = {
  frozen: 'frozen when the test window begins',
  daily: 'daily batch',
  asynchronous: 'asynchronous, refreshed on events',
  synchronous: 'synchronous, computed in the read',
}

export function policyOf(mode: ServingMode, { settings }: LabLog): ServingPolicy {
  if (mode === 'daily') return { kind: 'batch', everyMs: dayMs }
  if (mode === 'synchronous') return { kind: 'synchronous' }
  return { kind: 'asynchronous', refreshDelayMs: settings.refreshDelayMs }
}

/** Models that share the standard upstream, and those that need one which never saw their rows. */
export function splitModels({ family }: LabLog): { readonly seen: ModelName[]; readonly unseen: ModelName[] } {
  const of = (unseen: boolean) => family.filter((spec) => spec.unseen === unseen).map(({ name }) => name)
  return { seen: of(false), unseen: of(true) }
}

/** What downstream models without any embedding do: all models, whatever the upstream. */
export function withoutArm(lab: LabLog, seed: number, setups: readonly Setup[] = [latestAlone]): Arm {
  return servedArm(lab, seed, { name: 'without', title: 'without', source: 'none', models: allModels(lab), setups })
}

export function allModels({ family }: LabLog): ModelName[] {
  return family.map(({ name }) => name)
}

export type ServedArmOptions = Pick<DownstreamArmPlan, 'name' | 'title' | 'source' | 'models'> &
  Partial<Omit<DownstreamArmPlan, 'frozen' | 'seed'>> & { readonly mode?: ServingMode }

/** Served asynchronously by the standard upstream, its latest vector alone, unless an option says otherwise. */
export function servedArm(lab: LabLog, seed: number, { mode = 'asynchronous', ...options }: ServedArmOptions): Arm {
  return downstreamArm({
    seed,
    policy: policyOf(mode, lab),
    frozen: mode === 'frozen',
    setups: [latestAlone],
    upstream: standardUpstream(seed),
    ...options,
  })
}

/** The trained tower as a mode serves it. All models of the standard upstream, so that experiments share the arm. */
export function modeArm(lab: LabLog, seed: number, mode: ServingMode, setups: readonly Setup[] = [latestAlone]): Arm {
  const { seen } = splitModels(lab)
  return servedArm(lab, seed, { name: mode, title: modeTitles[mode], source: 'tower', mode, models: seen, setups })
}

/** The upstream's own head with its features as a mode has them. */
export function modeHead(lab: LabLog, seed: number, mode: ServingMode): Arm {
  return headArm(seed, standardUpstream(seed), {
    name: `head-${mode}`,
    title: `upstream's own head, ${mode}`,
    policy: policyOf(mode, lab),
    frozen: mode === 'frozen',
  })
}
