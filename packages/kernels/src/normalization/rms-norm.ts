/**
 * RMS norm (Zhang & Sennrich 2019): y = x / √(mean(x²) + ε) · gain + shift, gain and shift optional and shared by all
 * vectors. `moments` is laid out as layer norm's, with 0 for the mean. Layout: norm-shape.ts.
 */
import { declareNormBackward, declareNormForward } from './norm.ts'

export const rmsNormForward = declareNormForward('rms-norm.forward', false)

/** dx = rstd · (g − x̂ · mean(g · x̂)) with g = dy · gain and x̂ = x · rstd. */
export const rmsNormBackward = declareNormBackward('rms-norm.backward', false, rmsNormForward)
