/** What a message may hold, looked at before anything is allocated for it. */
export interface MessageLimits {
  /** Lists and maps in one another. */
  readonly maxDepth: number
  /** Values of all kinds, the entries of lists and maps among them. */
  readonly maxValues: number
}

/** The deepest message of the protocol, events with a field of lists, has four levels. */
export const maxDepth = 8
