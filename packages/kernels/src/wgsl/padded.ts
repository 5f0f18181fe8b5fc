/** Smallest multiple of 4 that is ≥ n: the row stride of an n-column tensor. */
export const padded = (n: number): number => Math.ceil(n / 4) * 4
