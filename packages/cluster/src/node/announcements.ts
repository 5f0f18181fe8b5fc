/**
 * What is known of a store's models in its servers: which snapshot workers refresh through, what a user without an
 * embedding is served by it, so that readers need no encoder; and whose a snapshot's number is, so that two publishers of
 * one model are told apart before both write into its rings.
 */
import { createHash } from 'node:crypto'
import type { SideBatch } from '@headwater/features'
import type { Encoder } from '@headwater/pooling'
import { type ScriptCall, ScriptRunner } from '@headwater/store'
import { PublisherConflictError } from './errors.ts'

/**
 * KEYS: a hash of `digest` and `text`, what is announced; a hash of snapshots' digests by number.
 *
 * - `admit`, number, digest. The digest that the number has.
 * - `announce`, digest, text.
 * - `announced`, digest known. {digest or nothing, text, or nothing where it is known; conflicts}.
 */
const announcementScript = `
local task = ARGV[1]
if task == 'admit' then
  local held = redis.call('HGET', KEYS[2], ARGV[2])
  if not held then
    if redis.call('HLEN', KEYS[2]) >= 1000 then
      local oldest = math.huge
      for _, number in ipairs(redis.call('HKEYS', KEYS[2])) do oldest = math.min(oldest, tonumber(number)) end
      redis.call('HDEL', KEYS[2], string.format('%d', oldest))
    end
    redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
    return ARGV[3]
  end
  if held ~= ARGV[3] then redis.call('HINCRBY', KEYS[1], 'conflicts', 1) end
  return held
end
if task == 'announce' then
  return redis.call('HSET', KEYS[1], 'digest', ARGV[2], 'text', ARGV[3])
end
if task == 'announced' then
  local held = redis.call('HGET', KEYS[1], 'digest')
  local conflicts = redis.call('HGET', KEYS[1], 'conflicts') or '0'
  return {held or '', held and held ~= ARGV[2] and redis.call('HGET', KEYS[1], 'text') or '', conflicts}
end
return redis.error_reply('ERR no such task')
`

/** A model's snapshot as its workers announce it. */
export interface Announcement {
  readonly snapshot: number
  readonly frame: number
  readonly dataCutoffMs: number
  /** [dim] */
  readonly defaultVector: Float32Array
}

export class Announcements {
  readonly #runner: ScriptRunner

  private constructor(runner: ScriptRunner) {
    this.#runner = runner
  }

  /** @param url of the store, `valkey://` or `valkeys://` @throws StoreUrlError, StoreAccessError */
  static async connect(url: string): Promise<Announcements> {
    return new Announcements(await ScriptRunner.connect(url, announcementScript))
  }

  /**
   * Lets a snapshot write into a model's rings.
   * @param digest of its contents, as `snapshotDigest` gives it: forgetting a user does not change it
   * @throws PublisherConflictError where another snapshot of the model has the number
   */
  async admit(model: string, snapshot: number, digest: string): Promise<void> {
    const held = String(await this.#run(model, 'admit', String(snapshot), digest))
    if (held !== digest) throw new PublisherConflictError(model, snapshot)
  }

  /** @returns the digest of what is announced from now on */
  async announce(model: string, { defaultVector, ...about }: Announcement): Promise<string> {
    const vector = Buffer.from(defaultVector.buffer, defaultVector.byteOffset, defaultVector.byteLength)
    const text = JSON.stringify({ v: 1, ...about, defaultVector: vector.toString('base64') })
    const digest = createHash('sha256').update(text).digest('hex')
    await this.#run(model, 'announce', digest, text)
    return digest
  }

  /** What is announced of a model; `announcement` is null where nothing is, or it is what `known` is the digest of. */
  async announced(model: string, known = '') {
    const reply = (await this.#run(model, 'announced', known)) as Buffer[]
    const [digest, text, conflicts] = reply.map(String)
    return { digest, announcement: text === '' ? null : decode(text), conflicts: Number(conflicts) }
  }

  close(): void {
    this.#runner.close()
  }

  async #run(model: string, ...args: readonly string[]) {
    const [reply] = await this.#runner.run([{ keys: keysOf(model), args }])
    return reply
  }
}

function keysOf(model: string): ScriptCall['keys'] {
  const tag = `hw:{model:${encodeURIComponent(model)}}`
  return [tag, `${tag}:contents`]
}

/** Null for what another version announced in another form. */
function decode(text: string): Announcement | null {
  const { v, snapshot, frame, dataCutoffMs, defaultVector } = JSON.parse(text) as Readonly<Record<string, unknown>>
  if (v !== 1) return null
  const bytes = Uint8Array.from(Buffer.from(String(defaultVector), 'base64'))
  return {
    snapshot: Number(snapshot),
    frame: Number(frame),
    dataCutoffMs: Number(dataCutoffMs),
    defaultVector: new Float32Array(bytes.buffer),
  }
}

/** Stands in a reader's pooling for the snapshot that workers refresh through: it knows of no user but one without events. */
export function announcedEncoder({ defaultVector, ...about }: Announcement): Encoder {
  const dim = defaultVector.length
  const encode = async ({ rows }: SideBatch) =>
    Float32Array.from({ length: rows * dim }, (_, i) => defaultVector[i % dim])
  return { ...about, dim, encode }
}
