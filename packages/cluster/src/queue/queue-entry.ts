/** What waits in a shared queue beside the user's key, as JSON, so that versions can be told apart. */
export interface QueueEntry {
  /** The queue's own: what lies in another model's queue was put there by mistake. */
  readonly model: string
  /** When what asks for it came, by the servers' clock; milliseconds since 1970, NaN where it does not say. */
  readonly offeredMs: number
}

/** Goes up when workers of before can no longer do what an entry asks. Fields that they do not know they pass over. */
const entryVersion = 1

export function encodeEntry({ model, offeredMs }: QueueEntry): string {
  return JSON.stringify({ v: entryVersion, model, offeredMs })
}

/** @returns the entry, or why it is none that this worker can act on */
export function decodeEntry(text: string, model: string): QueueEntry | 'damaged' | 'version' | 'model' {
  let entry: unknown
  try {
    entry = JSON.parse(text)
  } catch {
    return 'damaged'
  }
  if (typeof entry !== 'object' || entry === null) return 'damaged'
  const { v, model: named, offeredMs } = entry as Readonly<Record<string, unknown>>
  if (v !== entryVersion) return 'version'
  if (named !== model) return 'model'
  return { model, offeredMs: typeof offeredMs === 'number' ? offeredMs : Number.NaN }
}
