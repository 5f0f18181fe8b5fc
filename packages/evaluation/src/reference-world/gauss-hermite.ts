/**
 * Nodes x and weights w of Gauss–Hermite quadrature for the standard normal: E f(z) ≈ Σ w f(x), exact for polynomials
 * up to degree 2n − 1. Newton's method on the orthonormal Hermite polynomials (Press et al., Numerical Recipes, 4.6).
 */
export function gaussHermite(nodes: number): { readonly x: Float64Array; readonly w: Float64Array } {
  const x = new Float64Array(nodes)
  const w = new Float64Array(nodes)
  const half = Math.floor((nodes + 1) / 2)
  let z = 0
  for (let i = 0; i < half; i++) {
    // First guesses of the roots from the largest down, the later ones by extrapolation.
    if (i === 0) z = Math.sqrt(2 * nodes + 1) - 1.85575 * (2 * nodes + 1) ** (-1 / 6)
    else if (i === 1) z -= (1.14 * nodes ** 0.426) / z
    else if (i === 2) z = 1.86 * z - 0.86 * x[0]
    else if (i === 3) z = 1.91 * z - 0.91 * x[1]
    else z = 2 * z - x[i - 2]
    let slope = 0
    for (let step = 0, move = 1; step < 100 && Math.abs(move) > 1e-15; step++) {
      let value = Math.PI ** -0.25
      let before = 0
      for (let j = 1; j <= nodes; j++) {
        const next = z * Math.sqrt(2 / j) * value - Math.sqrt((j - 1) / j) * before
        before = value
        value = next
      }
      slope = Math.sqrt(2 * nodes) * before
      move = value / slope
      z -= move
    }
    x[i] = z
    w[i] = 2 / (slope * slope)
    x[nodes - 1 - i] = -z
    w[nodes - 1 - i] = w[i]
  }
  // From weight exp(−x²) to the standard normal.
  return { x: x.map((node) => node * Math.SQRT2), w: w.map((weight) => weight / Math.sqrt(Math.PI)) }
}
