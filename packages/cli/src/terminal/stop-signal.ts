/** Resolves at the first SIGTERM or SIGINT, so that the command can end in order; a second one ends it at once. */
export function stopSignal(): { readonly signal: Promise<void>; ignore(): void } {
  let stop = () => {}
  const signal = new Promise<void>((resolve) => {
    stop = () => {
      process.off('SIGTERM', stop).off('SIGINT', stop)
      resolve()
    }
  })
  process.on('SIGTERM', stop).on('SIGINT', stop)
  return { signal, ignore: () => process.off('SIGTERM', stop).off('SIGINT', stop) }
}
