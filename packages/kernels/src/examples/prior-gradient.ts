/** What an example's gradient holds at index i before a kernel adds to it; the gradient check takes it off again. */
export const prior = (i: number): number => Math.fround(Math.sin(i * 1.7))

/** A gradient of `length` values to add to. */
export const priorGradient = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => prior(i))
