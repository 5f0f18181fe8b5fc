import { activateReference } from '../wgsl/activation-reference.ts'
import { keptReference } from '../wgsl/dropout.ts'
import { padded } from '../wgsl/padded.ts'
import type { MatmulArrays, MatmulShape } from './shape.ts'

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
        const kept = keptReference(step[0]!, s.site, s.dropout, index - s.cOffset * 4)
        value = kept === 0 ? 0 : kept * value
        if (s.hasFactor) value *= factor[place(s.factorOffset, s.factorRow, s.factorBatch)]!
        if (s.hasResidual) value += residual[place(s.residualOffset, s.residualRow, s.residualBatch)]!
        c[index] = value
      }
}
