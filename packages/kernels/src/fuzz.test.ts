import { type GpuDevice, requestDevice, type Shape, type Tuning } from '@headwater/gpu'
import type { SeededRandom } from '@headwater/statistics'
import { fuzz } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kernels, padded } from './index.ts'
import { expectReference, runKernel } from './testing/run-kernel.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'kernel fuzz' })
})
afterAll(() => device.destroy())

type Draw = (between: (low: number, high: number) => number) => Shape

const attentionPool: Draw = (between) => {
  const D4 = between(1, 5)
  const yColumn = between(0, 3)
  return {
    R: between(1, 40),
    L: between(1, 9),
    C: between(1, 4),
    D4,
    V: between(1, 30),
    pOffset: between(0, 4),
    yColumn,
    yRow: yColumn + D4 + between(0, 3),
  }
}

const layerNorm: Draw = (between) => {
  const K = between(1, 4)
  const D4 = between(2, 7)
  return {
    V: K * between(1, 30),
    K,
    D4,
    xRow: K * D4 + between(0, 3),
    yOffset: between(0, 5),
    yRow: K * D4 + between(0, 3),
  }
}

const groupedDot: Draw = (between) => {
  const G = between(1, 10)
  const W4 = between(1, 4)
  const zIn = between(0, 3)
  const out4 = zIn + G * W4 + between(0, 2)
  const zRow = out4 + padded(G) / 4 + between(0, 2)
  return { R: between(1, 60), G, W4, zIn, zOut: out4 * 4, zRow, vRow: G * W4 + between(0, 3) }
}

/** A shape of each kernel by name, with gaps, offsets and sizes around the tiles. */
const draws: Record<string, Draw> = {
  matmul: (between) => {
    const [M, N, K] = [between(1, 70), between(1, 140), between(1, 50)]
    const transposed = between(0, 1) === 1
    return {
      M,
      N,
      K,
      aOffset: between(0, 9),
      aRow: transposed ? 1 : K + between(0, 5),
      aCol: transposed ? M + between(0, 5) : 1,
      bOffset: between(0, 3),
      bRow: padded(N) / 4 + between(0, 2),
      biasOffset: between(0, 3),
      cOffset: between(0, 3),
      cRow: padded(N) / 4 + between(0, 2),
      hasBias: between(0, 1),
      accumulate: between(0, 1),
      relu: between(0, 1),
      dropout: between(0, 2) / 4,
      site: between(0, 2 ** 32 - 1),
    }
  },
  transpose: (between) => {
    const [M, N] = [between(1, 70), between(1, 40)]
    return {
      M,
      N,
      inOffset: between(0, 9),
      inRow: N + between(0, 5),
      outOffset: between(0, 3) * 4,
      outRow: padded(M) + between(0, 2) * 4,
    }
  },
  'column-sum': (between) => {
    const N4 = between(1, 20)
    return { R: between(1, 200), N4, inOffset: between(0, 5), inRow: N4 + between(0, 3), outOffset: between(0, 5) }
  },
  'relu.backward': (between) => ({ count4: between(1, 300), scale: 1 / (1 - between(0, 3) / 4) }),
  'layer-norm.forward': layerNorm,
  'layer-norm.backward': layerNorm,
  'embedding.gather-mean': (between) => {
    const D4 = between(1, 6)
    const yColumn = between(0, 4)
    return { R: between(1, 80), M: between(1, 9), D4, V: between(1, 50), yColumn, yRow: yColumn + D4 + between(0, 3) }
  },
  'embedding.row-adagrad': (between) => {
    const J = between(1, 60)
    const D4 = between(1, 5)
    const gColumn = between(0, 3)
    // No multiple of 7, so that the example's rows are distinct.
    const V = 7 * Math.ceil(J / 7) + between(1, 6)
    return { J, D4, gColumn, gRow: gColumn + D4 + between(0, 3), l2: between(0, 1) / 8, V, P: J * 2, R: between(1, 20) }
  },
  'attention-pool.forward': attentionPool,
  'attention-pool.backward': attentionPool,
  'grouped-dot.forward': groupedDot,
  'grouped-dot.backward': groupedDot,
  'bce.multi-task': (between) => ({ R: between(1, 90), T: between(1, 9), scale: 1 / between(1, 90) }),
  adamw: (between) => {
    const count4 = between(1, 300)
    return { count4, decayed4: between(0, count4) }
  },
}

const drawWith = (draw: Draw) => (random: SeededRandom) => draw((low, high) => low + random.nextBelow(high - low + 1))

describe('random shapes against the float64 reference', () => {
  it('are drawn for every kernel', () => {
    expect(Object.keys(draws).sort()).toEqual(kernels.map((kernel) => kernel.name).sort())
  })

  for (const kernel of kernels)
    for (const tuning of kernel.tunings as readonly Tuning[])
      it(`${kernel.name}, ${tuning.name}`, async () => {
        if (!device.supports(tuning.needs))
          return console.log(`not applicable on ${device.adapter.description}: ${kernel.name}/${tuning.name}`)
        await fuzz(
          drawWith(draws[kernel.name]),
          async (shape, random) => {
            const arrays = kernel.example(shape, () => random.nextFloat())
            expectReference(kernel, tuning, shape, arrays, await runKernel(device, kernel, tuning, shape, arrays))
          },
          { runs: kernel.name === 'matmul' ? 30 : 10 },
        )
        return undefined
      })
})
