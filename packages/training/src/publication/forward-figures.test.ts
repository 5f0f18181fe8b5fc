import { seededRandom } from '@headwater/statistics'
import { describe, expect, it } from 'vitest'
import { DivergedError, forwardFigures } from './forward-figures.ts'
import { panelFigures } from './panel-figures.ts'

const known = (labels: number) => new Float32Array(labels).fill(1)

describe('predictions on held-back rows', () => {
  it('are scored as the definitions say, task by task', () => {
    const labels = Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0)
    // task a: 1 0 1 0, task b: 0 0 0 0; ln 3 predicts 3/4
    const logits = Float32Array.of(Math.log(3), 0, 0, 0, 0, 0, -Math.log(3), 0)
    const old = new Float32Array(8)
    const { rows, tasks } = forwardFigures(['a', 'b'], logits, old, labels, known(8))
    expect(rows).toBe(4)
    // losses: −ln ¾ twice and ln 2 twice, over an entropy of ln 2
    const losses = [-Math.log(0.75), Math.LN2, Math.LN2, -Math.log(0.75)]
    const gaps = losses.map((loss) => loss / Math.LN2 - 1)
    const mean = gaps.reduce((a, b) => a + b) / 4
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / 3)
    expect(tasks[0].ne).toBeCloseTo(1 + mean, 6)
    expect(tasks[0].parentNe).toBeCloseTo(1, 6)
    expect(tasks[0].neStandardError).toBeCloseTo(deviation / 2, 6)
    expect(tasks[0]).toMatchObject({ task: 'a', positives: 2 })
    expect(tasks[0].calibration).toBeCloseTo((0.75 + 0.5 + 0.5 + 0.25) / 2, 6)
    expect(tasks[0].parentCalibration).toBeCloseTo(1, 6)
    // one class: nothing to normalize by
    expect(tasks[1]).toEqual({
      task: 'b',
      rows: 4,
      positives: 0,
      ne: null,
      parentNe: null,
      neStandardError: null,
      calibration: null,
      parentCalibration: null,
    })
  })

  it('without an old tower are compared with nothing', () => {
    const [task] = forwardFigures(['a'], Float32Array.of(0, 0), null, Uint8Array.of(1, 0), known(2)).tasks
    expect(task).toMatchObject({
      ne: 1,
      parentNe: null,
      neStandardError: null,
      calibration: 1,
      parentCalibration: null,
    })
  })

  it('are scored on the labels that are known, which differ by task', () => {
    const labels = Uint8Array.of(1, 0, 0, 0, 1, 1, 0, 0)
    const logits = Float32Array.of(1, 2, -1, 0.5, 3, -2, 0.2, 7)
    const old = logits.map((logit) => logit / 3)
    const weights = Float32Array.of(1, 0, 0.5, 2, 0, 1, 2, 0)
    const figures = forwardFigures(['a', 'b'], logits, old, labels, weights)
    const alone = (rows: number[], t: number) => {
      const of = <Values extends Float32Array | Uint8Array>(values: Values) =>
        values.filter((_, i) => i % 2 === t && rows.includes(Math.floor(i / 2))) as Values
      return forwardFigures([['a', 'b'][t]], of(logits), of(old), of(labels), known(rows.length)).tasks[0]
    }
    expect(figures.rows).toBe(4)
    expect(figures.tasks).toEqual([alone([0, 1, 3], 0), alone([1, 2], 1)])
    expect(figures.tasks.map(({ rows }) => rows)).toEqual([3, 2])
    const none = forwardFigures(['a'], Float32Array.of(1, 2), null, Uint8Array.of(1, 0), new Float32Array(2))
    expect(none.tasks[0]).toMatchObject({ rows: 0, positives: 0, ne: null, calibration: null })
  })

  it('that are no numbers stop the publication', () => {
    for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY])
      expect(() => forwardFigures(['a'], Float32Array.of(0, bad), null, Uint8Array.of(1, 0), known(2))).toThrow(
        DivergedError,
      )
  })
})

describe('vectors of the panel', () => {
  it('are compared as the definitions say', () => {
    const before = Float32Array.of(3, 4, 0, 1)
    const after = Float32Array.of(4, 3, 0, 2)
    const figures = panelFigures(before, after, before, 2)
    // mean of before: (1.5, 2.5), spread 1.5² + 1.5² twice
    expect(figures.residual).toBeCloseTo(Math.sqrt((1 + 1 + 0 + 1) / 9), 12)
    expect(figures.unalignedResidual).toBe(0)
    // Less the means: ±(1.5, 1.5) and ±(2, 0.5).
    expect(figures.centredCosine).toBeCloseTo(3.75 / Math.sqrt(4.5 * 4.25), 12)
    expect(figures.varianceKept).toBeCloseTo(3.75 ** 2 / (4.5 * 4.25), 12)
    expect(figures.effectiveRank).toBeCloseTo(1, 9)
    expect(figures).toMatchObject({ users: 2, oldNorm: 3, newNorm: 3.5 })
  })

  it('that are independent have a residual of about √2', () => {
    const random = seededRandom(1)
    const normals = () => Float32Array.from({ length: 2000 * 8 }, () => random.nextNormal())
    const [a, b] = [normals(), normals()]
    expect(panelFigures(a, b, b, 8).residual).toBeCloseTo(Math.SQRT2, 1)
  })

  it('that are all zero or all the same give numbers all the same', () => {
    const [zeros, ones] = [new Float32Array(6), new Float32Array(6).fill(1)]
    expect(panelFigures(zeros, zeros, zeros, 3)).toMatchObject({ residual: 0, centredCosine: 1, effectiveRank: 1 })
    expect(panelFigures(zeros, ones, ones, 3)).toMatchObject({ residual: Number.MAX_VALUE, effectiveRank: 1 })
    expect(panelFigures(ones, ones, ones, 3).residual).toBe(0)
  })
})
