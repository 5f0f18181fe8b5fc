/**
 * Eigenvalues, the largest first, and eigenvectors of a small symmetric matrix, by cyclic Jacobi rotations (Golub and Van
 * Loan, Matrix Computations, 8.5).
 *
 * @param matrix [size, size], left as it is
 */
export function symmetricEigen(matrix: Float64Array, size: number) {
  const a = matrix.slice()
  // Rows are the vectors.
  const v = Array.from({ length: size }, (_, i) => Float64Array.from({ length: size }, (_, j) => Number(i === j)))
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0
    let all = 0
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        all += a[i * size + j] ** 2
        if (i !== j) off += a[i * size + j] ** 2
      }
    if (off <= 1e-30 * all) break
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, v, size, p, q)
  }
  const order = v.map((_, i) => i).sort((i, j) => a[j * size + j] - a[i * size + i])
  return { values: Float64Array.from(order, (i) => a[i * size + i]), vectors: order.map((i) => v[i]) }
}

/** Makes the entry at p, q zero. */
function rotate(a: Float64Array, v: readonly Float64Array[], size: number, p: number, q: number): void {
  const apq = a[p * size + q]
  if (apq === 0) return
  const theta = (a[q * size + q] - a[p * size + p]) / (2 * apq)
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const c = 1 / Math.sqrt(t * t + 1)
  const s = t * c
  for (let k = 0; k < size; k++) {
    const kp = a[k * size + p]
    const kq = a[k * size + q]
    a[k * size + p] = c * kp - s * kq
    a[k * size + q] = s * kp + c * kq
  }
  for (let k = 0; k < size; k++) {
    const pk = a[p * size + k]
    const qk = a[q * size + k]
    a[p * size + k] = c * pk - s * qk
    a[q * size + k] = s * pk + c * qk
    const vp = v[p][k]
    const vq = v[q][k]
    v[p][k] = c * vp - s * vq
    v[q][k] = s * vp + c * vq
  }
}
