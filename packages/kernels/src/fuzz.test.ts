import type { SeededRandom } from '@headwater/statistics'
import { fuzz } from '@headwater/testkit/fuzz'
import { describe } from 'vitest'
import { expectReference, runKernel } from './testing/run-kernel.ts'
import { everyTuning, isShort, itRuns, useDevice } from './testing/test-device.ts'

const device = useDevice('kernel fuzz')

describe('random shapes against the float64 reference', () => {
  for (const { kernel, tuning, name } of everyTuning)
    itRuns(device, name, kernel, tuning, () =>
      fuzz(
        (random: SeededRandom) => kernel.draw((low, high) => low + random.nextBelow(high - low + 1)),
        async (shape, random) => {
          const arrays = kernel.example(shape, () => random.nextFloat())
          expectReference(kernel, tuning, shape, arrays, await runKernel(device(), kernel, tuning, shape, arrays))
        },
        { runs: isShort ? 2 : 12 },
      ),
    )
})
