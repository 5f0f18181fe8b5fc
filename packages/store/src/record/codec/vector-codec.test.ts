import { describe, expect, it } from 'vitest'
import { type CodecName, codecOf, codecs } from './vector-codec.ts'

const dim = 192
const vectors = 2_000

/** 1 − cosine and the relative change of the norm, the worst of many vectors. */
function worstErrors(codec: CodecName, make: () => Float32Array): { cosineLoss: number; normChange: number } {
  const { encode, decode, vectorBytes } = codecs[codec]
  const bytes = new Uint8Array(vectorBytes(dim))
  const decoded = new Float32Array(dim)
  let cosineLoss = 0
  let normChange = 0
  for (let v = 0; v < vectors; v++) {
    const values = make()
    expect(encode(values, 0, dim, bytes, 0)).toBe(-1)
    decode(bytes, 0, dim, decoded, 0)
    let [both, before, after] = [0, 0, 0]
    for (let i = 0; i < dim; i++) {
      both += values[i] * decoded[i]
      before += values[i] ** 2
      after += decoded[i] ** 2
    }
    cosineLoss = Math.max(cosineLoss, 1 - both / Math.sqrt(before * after))
    normChange = Math.max(normChange, Math.abs(Math.sqrt(after / before) - 1))
  }
  return { cosineLoss, normChange }
}

function generators() {
  let seed = 7
  const next = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return (seed + 0.5) / 2 ** 32
  }
  const normal = () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next())
  const normalized = (values: Float32Array) => {
    const mean = values.reduce((sum, value) => sum + value) / dim
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / dim)
    return values.map((value) => (value - mean) / deviation)
  }
  return {
    normal: () => Float32Array.from({ length: dim }, normal),
    layerNormalized: () => normalized(Float32Array.from({ length: dim }, () => 3 + 5 * normal())),
    heavyTailed: () => normalized(Float32Array.from({ length: dim }, () => Math.exp(normal()))),
    oneLarge: () => Float32Array.from({ length: dim }, (_, i) => (i === 0 ? 1 : (next() - 0.5) / 127)),
  }
}

// The bounds are those that docs/store.md gives.
describe('errors of the codecs', () => {
  const { normal, layerNormalized, heavyTailed, oneLarge } = generators()
  it.each([
    ['fp16', 'normal', normal, 1e-7, 2e-4],
    ['fp16', 'layer-normalized', layerNormalized, 1e-7, 2e-4],
    ['fp16', 'heavy-tailed', heavyTailed, 1e-7, 5e-4],
    ['int8', 'normal', normal, 1e-4, 3e-3],
    ['int8', 'layer-normalized', layerNormalized, 1e-4, 3e-3],
    ['int8', 'heavy-tailed', heavyTailed, 1e-3, 1e-2],
  ] as const)('of %s on %s vectors', (codec, _, make, cosineLoss, normChange) => {
    const errors = worstErrors(codec, make)
    expect(errors.cosineLoss).toBeLessThan(cosineLoss)
    expect(errors.normChange).toBeLessThan(normChange)
  })

  it('of int8 never pass an angle of sine √D / 254', () => {
    const worst = Math.sqrt(dim) / 254
    const { cosineLoss } = worstErrors('int8', oneLarge)
    expect(cosineLoss).toBeLessThan(1 - Math.sqrt(1 - worst ** 2))
    // Such vectors come near it, which tells that the bound is no empty one.
    expect(cosineLoss).toBeGreaterThan(1e-4)
  })
})

it('finds codecs by what records call them', () => {
  for (const codec of Object.values(codecs)) expect(codecOf(codec.code)).toBe(codec)
  for (const code of [2, 255]) expect(codecOf(code)).toBeUndefined()
})
