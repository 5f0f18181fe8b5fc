/**
 * Layer norm, in two passes: y = (x − mean) / √(var + ε) · gain + shift, gain and shift optional and shared by all
 * vectors. `moments` keeps mean and 1 / √(var + ε) of each vector for the backward pass. Layout: norm-shape.ts.
 */
import { declareNormBackward, declareNormForward } from './norm.ts'

export const layerNormForward = declareNormForward('layer-norm.forward', true)

/** dx = rstd · (g − mean(g) − x̂ · mean(g · x̂)) with g = dy · gain and x̂ = (x − mean) · rstd. */
export const layerNormBackward = declareNormBackward('layer-norm.backward', true, layerNormForward)
