import { createInterface } from 'node:readline/promises'

/** Asks on the terminal, and gives the answer without spaces around it. */
export type Ask = (question: string) => Promise<string>

/** Questions on the terminal, until the signal. */
export function openQuestions(signal: AbortSignal): { readonly ask: Ask; close(): void } {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  // A terminal that is read line by line takes Ctrl-C for a key.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  return {
    ask: async (question) => {
      try {
        return (await terminal.question(question, { signal })).trim()
      } catch (cause) {
        signal.throwIfAborted()
        throw cause
      }
    },
    close: () => terminal.close(),
  }
}
