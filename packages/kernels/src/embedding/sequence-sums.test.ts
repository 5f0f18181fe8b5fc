import type { ReferenceArrays } from '@headwater/gpu'
import { expect, it } from 'vitest'
import { exampleArrays } from '../examples/example.ts'
import { widen } from '../testing/run-kernel.ts'
import { randomOf } from '../testing/test-device.ts'
import { sequenceSumsBackward, sequenceSumsForward } from './sequence-sums.ts'

// Which row of the table a chunk belongs to, the kernel does not know: a chunk for each row makes it the table's gradient.
it('chunks of lookups are the gradient of the sums by the table', () => {
  const random = randomOf(41)
  const [R, L, D4, V, W] = [5, 6, 2, 7, 3]
  const about = { L, C: 5, W, D4, first: 1, scale: 8 }
  const shape = { ...about, R, V, partRows: 3, yColumn: 1, yRow: 8, accumulate: 0 }
  type Inputs = ReferenceArrays<keyof typeof sequenceSumsForward.bindings>
  const given = widen(exampleArrays(sequenceSumsForward, shape, random)) as Inputs
  const gradient = Float64Array.from({ length: R * shape.yRow * 4 }, () => random() - 0.5)
  const events = Array.from({ length: R * L }, (_, i) => i).filter((i) => i % L < given.lengths[Math.floor(i / L)]!)
  const lists = Array.from({ length: V }, (_, row) => events.filter((event) => given.ids[event] === row))
  const starts = [0]
  for (const list of lists) starts.push(starts.at(-1)! + list.length)
  const partials = new Float64Array(V * D4 * 4)
  sequenceSumsBackward.reference(
    { ...about, N: V, gColumn: shape.yColumn, gRow: shape.yRow, R, P: events.length },
    {
      starts: Uint32Array.from(starts),
      sources: Uint32Array.from(lists.flat()),
      channels: given.channels,
      gradient,
      partials,
    },
  )
  const partOf = (row: number) => `table${Math.floor(row / shape.partRows)}` as 'table0' | 'table1' | 'table2'
  for (let at = 0; at < partials.length; at++) {
    const row = Math.floor(at / D4 / 4)
    const own = (row % shape.partRows) * D4 * 4 + (at % (D4 * 4))
    const lossAt = (move: number) => {
      const part = given[partOf(row)].with(own, given[partOf(row)][own]! + move)
      const y = new Float64Array(given.y.length)
      sequenceSumsForward.reference(shape, { ...given, [partOf(row)]: part, y })
      return y.reduce((sum, value, i) => sum + value * gradient[i]!, 0)
    }
    expect((lossAt(1e-3) - lossAt(-1e-3)) / 2e-3).toBeCloseTo(partials[at]!, 8)
  }
})
