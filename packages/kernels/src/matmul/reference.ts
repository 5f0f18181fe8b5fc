import type { ReferenceArrays } from '@headwater/gpu'
import { padded } from '../case-arrays.ts'
import type { MatmulBinding, MatmulShape } from './matmul.ts'

/** PCG hash in whole-number arithmetic of 64 bits, independent of the WGSL's wrap-around. */
function pcg(value: bigint): bigint {
  const mask = 0xffffffffn
  const state = (value * 747796405n + 2891336453n) & mask
  const word = (((state >> ((state >> 28n) + 4n)) ^ state) * 277803737n) & mask
  return ((word >> 22n) ^ word) & mask
}

export function matmulReference(s: MatmulShape, { a, b, bias, step, c }: ReferenceArrays<MatmulBinding>): void {
  for (let m = 0; m < s.M; m++)
    // the columns that pad N are outputs too
    for (let n = 0; n < padded(s.N); n++) {
      let value = 0
      for (let k = 0; k < s.K; k++)
        value += a[s.aOffset + m * s.aRow + k * s.aCol]! * b[(s.bOffset + k * s.bRow) * 4 + n]!
      if (s.hasBias) value += bias[s.biasOffset * 4 + n]!
      const index = (s.cOffset + m * s.cRow) * 4 + n
      if (s.accumulate) value += c[index]!
      if (s.relu && value < 0) value = 0
      if (s.dropout > 0) {
        const counter = (pcg(pcg(BigInt(step[0]!)) ^ BigInt(s.site)) + BigInt(m * s.cRow * 4 + n)) & 0xffffffffn
        const random = Number(pcg(counter) >> 8n) / 16777216
        value = random >= Math.fround(s.dropout) ? value / (1 - s.dropout) : 0
      }
      c[index] = value
    }
}
