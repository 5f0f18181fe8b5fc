/** 0 … n − 1: WGSL is made of many statements that differ in a number. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
