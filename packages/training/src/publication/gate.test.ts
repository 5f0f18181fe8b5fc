import type { ForwardFigures, ForwardTask, PanelFigures } from '@headwater/snapshot'
import { describe, expect, it } from 'vitest'
import { checkPublicationOptions, defaultGate, defaultPublication } from '../options/publication-options.ts'
import { TrainingOptionsError } from '../step/training-options-error.ts'
import { type GateFigures, judge } from './gate.ts'

const panel: PanelFigures = {
  users: 2000,
  residual: 0.05,
  unalignedResidual: 0.1,
  centredCosine: 0.99,
  varianceKept: 0.99,
  effectiveRank: 9,
  oldNorm: 13.8,
  newNorm: 13.9,
}
const task: ForwardTask = {
  task: 'click',
  rows: 1000,
  positives: 400,
  ne: 0.8,
  parentNe: 0.81,
  neStandardError: 0.002,
  calibration: 1.02,
  parentCalibration: 0.98,
}
const forward = (change: Partial<ForwardTask>, rows = 1000): ForwardFigures => ({
  rows,
  tasks: [{ ...task, ...change }],
})
const good: GateFigures = { parent: 3, panel, noPanel: null, forward: forward({}) }
const reasons = (change: Partial<GateFigures>) => judge({ ...good, ...change }, defaultGate).reasons

it('a snapshot within all bounds is published, without a word', () => {
  expect(judge(good, defaultGate)).toEqual({ status: 'published', reasons: [], notes: [] })
})

describe('normalized entropy', () => {
  // .2 % of .81 and two standard errors of .002
  const bound = 0.81 * 0.002 + 2 * 0.002
  it('may rise up to the bound', () => {
    expect(reasons({ forward: forward({ ne: 0.81 + bound - 1e-9 }) })).toEqual([])
    expect(reasons({ forward: forward({ ne: 0.81 + bound + 1e-9 }) })).toEqual([
      'Task click: normalized entropy on 1000 held-back rows rose from 0.8100 to 0.8156 (+0.69 %); the bound is 0.20 % and 2 standard errors of 0.25 %.',
    ])
  })

  it('is judged task by task', () => {
    const tasks = [task, { ...task, task: 'buy', ne: 0.9 }]
    expect(reasons({ forward: { rows: 1000, tasks } })).toEqual([expect.stringMatching(/^Task buy: /)])
  })

  it('is not judged for a task of which few labels are known, and the others are', () => {
    const tasks = [
      { ...task, rows: 199, ne: 2, calibration: 9 },
      { ...task, task: 'buy', ne: 0.9 },
    ]
    expect(judge({ ...good, forward: { rows: 1000, tasks } }, defaultGate)).toEqual({
      status: 'held',
      reasons: [expect.stringMatching(/^Task buy: /)],
      notes: ['Task click: predictions are not judged, of 199 held-back rows the label is known, 200 are needed.'],
    })
  })

  it('is not judged on few rows, on one class, or without a snapshot before, and that is noted', () => {
    const few = judge({ ...good, forward: forward({ ne: 2, calibration: 9 }, 199) }, defaultGate)
    expect(few).toEqual({
      status: 'published',
      reasons: [],
      notes: ['Predictions are not judged: 199 rows were held back, 200 are needed.'],
    })
    const none = judge({ ...good, forward: null }, defaultGate)
    expect(none.notes).toEqual(['Predictions are not judged: 0 rows were held back, 200 are needed.'])
    const one = judge({ ...good, forward: forward({ ne: null, parentNe: null, calibration: null }) }, defaultGate)
    expect(one).toMatchObject({ status: 'published', notes: [expect.stringMatching(/^Task click: .*one class/)] })
    const first = judge({ parent: null, panel: null, noPanel: null, forward: forward({ parentNe: null }) }, defaultGate)
    expect(first).toEqual({
      status: 'published',
      reasons: [],
      notes: ['No snapshot is served yet: there is nothing to compare with.'],
    })
  })
})

describe('calibration', () => {
  // a count of 400 has a relative error of .05
  const bound = 1.25 + 2 * 0.05
  it('may be off by the bound in either direction', () => {
    for (const calibration of [bound, 1 / bound]) expect(reasons({ forward: forward({ calibration }) })).toEqual([])
    for (const calibration of [bound + 1e-6, 1 / (bound + 1e-6), 0])
      expect(reasons({ forward: forward({ calibration }) })).toEqual([
        expect.stringMatching(
          /^Task click: predictions sum to \d\.\d{4} of the labels, the served snapshot's 0\.9800; /,
        ),
      ])
  })

  it('may be off further where the served snapshot is off as far', () => {
    expect(reasons({ forward: forward({ calibration: 1.5, parentCalibration: 1.6 }) })).toEqual([])
    expect(reasons({ forward: forward({ calibration: 1.5, parentCalibration: 0.5 }) })).toEqual([])
    expect(reasons({ forward: forward({ calibration: 1.5, parentCalibration: 1.4 }) })).toHaveLength(1)
    expect(reasons({ parent: null, forward: forward({ calibration: 1.5, parentCalibration: null }) })).toHaveLength(1)
  })
})

describe('the panel', () => {
  it('holds beyond its residual or its norms, and on figures that are no numbers', () => {
    expect(reasons({ panel: { ...panel, residual: 0.8 } })).toEqual([])
    for (const residual of [0.801, Number.NaN])
      expect(reasons({ panel: { ...panel, residual } })).toEqual([expect.stringMatching(/^Panel residual is /)])
    for (const newNorm of [13.8 * 1.26, 13.8 / 1.26, 0, Number.NaN])
      expect(reasons({ panel: { ...panel, newNorm } })).toEqual([
        expect.stringMatching(/^Mean norm .* from 13\.8000 to /),
      ])
  })

  it('that could not be compared holds where it must, else it is noted', () => {
    const noPanel = { why: 'Its vectors are longer.', hold: true }
    expect(judge({ ...good, panel: null, noPanel }, defaultGate)).toMatchObject({
      status: 'held',
      reasons: [noPanel.why],
    })
    const empty = { why: 'The panel is empty.', hold: false }
    expect(judge({ ...good, panel: null, noPanel: empty }, defaultGate)).toMatchObject({
      status: 'published',
      notes: [empty.why],
    })
  })
})

it('every reason is given', () => {
  const bad = { panel: { ...panel, residual: 1, newNorm: 1 }, forward: forward({ ne: 1, calibration: 9 }) }
  expect(reasons(bad)).toHaveLength(4)
})

describe('options', () => {
  it('that cannot work are named', () => {
    expect(() => checkPublicationOptions(defaultPublication)).not.toThrow()
    for (const [change, name] of [
      [{ alignment: 'affine' as never }, 'alignment'],
      [{ distillationWeight: -0.1 }, 'distillationWeight'],
      [{ distillationWeight: 1e39 }, 'distillationWeight'],
      [{ panelUsers: 1 }, 'panelUsers'],
      [{ heldBackShare: 0.6 }, 'heldBackShare'],
      [{ heldBackShare: Number.NaN }, 'heldBackShare'],
      [{ maxHeldBackRows: 1.5 }, 'maxHeldBackRows'],
      [{ maxFrameResidual: -1 }, 'maxFrameResidual'],
      [{ gate: { ...defaultGate, minRows: 0 } }, 'gate.minRows'],
      [{ gate: { ...defaultGate, maxNeIncrease: Number.NaN } }, 'gate.maxNeIncrease'],
      [{ gate: { ...defaultGate, maxNormRatio: 0.9 } }, 'gate.maxNormRatio'],
    ] as const) {
      const check = () => checkPublicationOptions({ ...defaultPublication, ...change })
      expect(check).toThrow(TrainingOptionsError)
      expect(check).toThrow(`Publication, ${name}: needs`)
    }
  })
})
