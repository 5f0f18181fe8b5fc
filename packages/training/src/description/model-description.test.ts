import { requestDevice } from '@headwater/gpu'
import { expect, it, onTestFinished } from 'vitest'
import { clubTower, clubTraining, R } from '../testing/club-training.ts'
import { describeModel } from './model-description.ts'

it('has the figures of the very plan that a training runs', async () => {
  const device = await requestDevice({ label: 'description tests' })
  onTestFinished(() => device.destroy())
  const { step, weights } = clubTraining(device)
  const { flops, plans } = describeModel(clubTower.config, clubTower.user, clubTower.item, 1, R)
  const { dispatches } = step.plan.program
  const { plannedBytes, naiveBytes } = step.plan
  const planFlops = dispatches.reduce((sum, dispatch) => sum + dispatch.flops, 0)
  expect(plans.training).toMatchObject({ plannedBytes, naiveBytes, dispatches: dispatches.length, flops: planFlops })
  expect(flops.training).toBe(planFlops / R)
  const kernels = dispatches.map(({ kernel }) => kernel)
  expect(kernels).toContain('loss.bce-multi-task')
  expect(kernels).toContain('adamw')
  step.dispose()
  weights.dispose()
})
