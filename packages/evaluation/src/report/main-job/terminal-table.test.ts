import { describe, expect, test } from 'vitest'
import { arms, type MainJobResult } from './result.ts'
import sample from './sample-result.json' with { type: 'json' }
import { renderTable } from './terminal-table.ts'

const result = sample as MainJobResult

/** Text with line breaks taken out, as a reader takes it. */
const flowing = (text: string) => text.replace(/\s+/g, ' ')

describe('renderTable', () => {
  test('the verdict comes first', () => {
    expect(flowing(renderTable(result))).toMatch(
      /^On the last 10,000 rows of MovieTweetings, served embeddings (beat|are not|do not)/,
    )
  })

  test('each arm has its NE, interval and AUC on one line, and all but without its gain', () => {
    const lines = renderTable(result).split('\n\n')[1].split('\n')
    for (const arm of arms) {
      const line = lines.find((text) => text.startsWith(`${arm} `))!
      const { low, high } = result.neInterval[arm]
      expect(line).toContain(result.ne[arm].toFixed(4))
      expect(line).toContain(`[${low.toFixed(4)}, ${high.toFixed(4)}]`)
      expect(line).toContain(result.auc[arm].toFixed(4))
      if (arm === 'without') continue
      const gain = arm === 'with' ? result.neGain : result.gainOverWithout[arm]
      expect(line).toContain(`+${(100 * gain.value).toFixed(2)} % [`)
      expect(line).toContain(`+${(100 * gain.high).toFixed(2)}]`)
    }
  })

  test('gains and serving figures', () => {
    const text = flowing(renderTable(result))
    expect(text).toContain(`gain over untrained +${(100 * result.gainOverUntrained.value).toFixed(2)} %`)
    expect(text).toContain(`gain over flags +${(100 * result.gainOverFlags.value).toFixed(2)} %`)
    expect(text).toContain('gain of new users 14 % of the gain; over flags +')
    expect(text).toContain('gain, 1–2 earlier +9.81 % [+7.45, +12.12], 14 % of rows')
    expect(text).toContain('read p50 2.40 µs, p99 14.2 µs, hit rate 97.3 %')
    expect(text).toContain('freshness p50 11.3 ms, p99 38.7 ms')
    expect(text).toContain(
      'drift residual 0.2452, centred cosine 0.9677, variance kept 0.9365, effective rank 6.6; 1 frames opened by 11 snapshots',
    )
    const { items, both } = result.otherIntervals.neGain
    for (const [name, gain] of [
      ['by items', items!],
      ['users and items', both!],
    ] as const)
      expect(text).toContain(`gain, ${name} [+${(100 * gain.low).toFixed(2)}, +${(100 * gain.high).toFixed(2)}]`)
    expect(text).toContain('100,000 rows (0 skipped), 10,000 scored, base rate 49.8 %')
    expect(text).toContain('adapter llvmpipe (LLVM 19.1.7, 256 bits), Vulkan, software')
    expect(text).toContain('total 141.7')
    expect(text).toContain('in kernels 78.3 % of a training step')
  })

  test('no line is wider than 80 columns, however long the names', () => {
    const wide: MainJobResult = {
      ...result,
      adapter: `${'a very long adapter name '.repeat(9)}${'x'.repeat(200)}`,
      dataset: { ...result.dataset, name: `${'n'.repeat(170)}.parquet` },
      seeds: Array.from({ length: 40 }, (_, seed) => seed * 1000),
      seconds: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`stage-${i}`, 1000 + i])),
      neGain: { value: -0.12345, low: -0.2, high: -0.1 },
      warnings: ['AUC of 0.8412 is above what this log is known to allow: look for a leak before you quote the gain.'],
    }
    for (const line of renderTable(wide).split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    expect(flowing(renderTable(wide))).toContain('warning AUC of 0.8412 is above what this log')
  })

  test('one seed, one snapshot and no timestamp queries', () => {
    const bare: MainJobResult = {
      ...result,
      seeds: [7],
      seedSd: null,
      snapshots: 1,
      drift: {
        residual: null,
        centredCosine: null,
        varianceKept: null,
        effectiveRank: null,
        framesOpened: 0,
        byRound: [],
      },
      kernelShare: null,
    }
    const text = renderTable(bare)
    expect(text).toMatch(/^seeds +7$/m)
    expect(flowing(text)).toContain('This is by one seed')
    expect(text).toMatch(/^drift +residual –, centred cosine –, variance kept –,/m)
    expect(text).not.toContain('in kernels')
  })
})
