import { activateReference } from '../wgsl/activation-reference.ts'
import { padded } from '../wgsl/padded.ts'
import type { MatmulArrays, MatmulShape } from './shape.ts'

/** PCG hash in whole-number arithmetic of 64 bits, independent of the WGSL's wrap-around. */
function pcg(value: bigint): bigint {
  const mask = 0xffffffffn
  const state = (value * 747796405n + 2891336453n) & mask
  const word = (((state >> ((state >> 28n) + 4n)) ^ state) * 277803737n) & mask
  return ((word >> 22n) ^ word) & mask
}

/** Every output; the columns that pad N are outputs too. `b(batch, k, n)` is an element of B. */
export function matmulReference(
  s: MatmulShape,
  { a, bias, factor, residual, step, c }: Omit<MatmulArrays, 'b'>,
  b: (batch: number, k: number, n: number) => number,
): void {
  for (let batch = 0; batch < s.batch; batch++)
    for (let m = 0; m < s.M; m++)
      for (let n = 0; n < padded(s.N); n++) {
        const place = (offset: number, row: number, stride: number) => (offset + batch * stride + m * row) * 4 + n
        const index = place(s.cOffset, s.cRow, s.cBatch)
        let value = 0
        for (let k = 0; k < s.K; k++)
          value += a[s.aOffset + batch * s.aBatch + m * s.aRow + k * s.aCol]! * b(batch, k, n)
        if (s.hasBias === 1) value += bias[s.biasOffset * 4 + n]!
        if (s.hasBias === 2) value += bias[s.biasOffset * 4 + m]!
        if (s.accumulate) value += c[index]!
        value = activateReference(s.activation, value)
        if (s.dropout > 0) {
          const counter = (pcg(pcg(BigInt(step[0]!)) ^ BigInt(s.site)) + BigInt(index - s.cOffset * 4)) & 0xffffffffn
          const random = Number(pcg(counter) >> 8n) / 16777216
          value = random >= Math.fround(s.dropout) ? value / (1 - s.dropout) : 0
        }
        if (s.hasFactor) value *= factor[place(s.factorOffset, s.factorRow, s.factorBatch)]!
        if (s.hasResidual) value += residual[place(s.residualOffset, s.residualRow, s.residualBatch)]!
        c[index] = value
      }
}
