/** Resolves in a later turn of the event loop, once what has arrived meanwhile has been looked at. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
