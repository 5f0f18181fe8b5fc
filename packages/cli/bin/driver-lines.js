/**
 * What Dawn prints for each adapter that it looks at, of limits that nobody asks for; it has no switch for it
 * (docs/decisions/0038-a-drivers-lines-are-left-out.md).
 */
const dawnsLimit =
  /^Warning: maxDynamic(Uniform|Storage)BuffersPerPipelineLayout artificially reduced from \d+ to \d+ to fit dynamic offset allocation limit\.\r?\n$/
const beginning = 'Warning: maxDynamic'

/**
 * Passes on what a driver prints, byte by byte, without the lines that tell nothing. The beginning of a line that may be one
 * of them is kept until it is known.
 * @param {(bytes: Buffer) => void} write
 * @returns {{ take(bytes: Buffer): void, end(): void }}
 */
export function withoutDriverLines(write) {
  let kept = Buffer.alloc(0)
  return {
    take(bytes) {
      kept = Buffer.concat([kept, bytes])
      for (let end = kept.indexOf('\n') + 1; end > 0; end = kept.indexOf('\n') + 1) {
        const line = kept.subarray(0, end)
        kept = kept.subarray(end)
        if (!dawnsLimit.test(line.toString('latin1'))) write(line)
      }
      const text = kept.toString('latin1', 0, beginning.length)
      if (kept.length === 0 || beginning.startsWith(text)) return
      write(kept)
      kept = Buffer.alloc(0)
    },
    end() {
      if (kept.length > 0) write(kept)
      kept = Buffer.alloc(0)
    },
  }
}
