import type { ModelControl } from '@headwater/client/schemas'
import { type Encoder, SnapshotRefusedError, UnknownSnapshotError } from '@headwater/pooling'
import { dim, eventOf, model, startMs } from '@headwater/pooling/testing/towers'
import type { ServerLimits } from '../src/index.ts'
import { openService } from './http-service.ts'

/** A user whom no fuzzed body names, of whom an embedding is held. */
export const known = 'known'

/** What a held user's vectors are, a tenant's unlike the other's; halves hold them exactly. */
export function vectorOf(tenant: 'default' | 'other', user: string): number[] {
  let sum = 0
  for (const character of user) sum += character.codePointAt(0)!
  return [tenant === 'default' ? 1 : 2, user.length, sum % 1_024, 0.5]
}

function encoderOf(tenant: 'default' | 'other', snapshot: number): Encoder {
  const encode: Encoder['encode'] = async (_, users) =>
    Float32Array.from(users.flatMap((user) => vectorOf(tenant, user)))
  return { snapshot, frame: 0, dataCutoffMs: startMs, dim, encode }
}

/** Snapshots 0 to 3 are there, and can be gone back from. */
function fourSnapshots(): ModelControl {
  const served = [3]
  return {
    snapshots: async () => [],
    promote: async (snapshot) => {
      if (snapshot > 3) throw new UnknownSnapshotError(`no snapshot ${snapshot}; there are 0 to 3`)
      if (served.at(-1) !== snapshot) served.push(snapshot)
    },
    rollback: async () => {
      if (served.length === 1) throw new SnapshotRefusedError('no snapshot was served before')
      served.pop()
      return served.at(-1)!
    },
    shadow: () => null,
    drift: () => null,
  }
}

/** A service of two tenants that knows what it must serve, and what failed inside. */
export async function openFuzzedService(limits: Partial<ServerLimits>) {
  const failures: unknown[] = []
  const service = await openService({
    limits,
    encoder: encoderOf('default', 3),
    onError: (error) => failures.push(error),
    server: { models: [{ ...model, control: fourSnapshots() }] },
  })
  await service.tenants.get('other')!.pooling.publish('m', encoderOf('other', 4))
  await service.pooling.ingest([eventOf(known, 'i', startMs)])
  while ((await service.pooling.look([known], ['m'])).models[0].status[0] === 2) {
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return { ...service, failures }
}
