/**
 * Solves A X = B, where A is [n, n] and B and X are [n, n]; A is overwritten and B becomes X. Gaussian elimination with
 * partial pivoting.
 */
export function solveLinear(a: Float64Array, b: Float64Array, n: number): void {
  for (let column = 0; column < n; column++) {
    let pivot = column
    for (let i = column + 1; i < n; i++) {
      if (Math.abs(a[i * n + column]) > Math.abs(a[pivot * n + column])) pivot = i
    }
    if (pivot !== column) {
      swapRows(a, pivot, column, n)
      swapRows(b, pivot, column, n)
    }
    for (let i = column + 1; i < n; i++) {
      const factor = a[i * n + column] / a[column * n + column]
      for (let j = column + 1; j < n; j++) a[i * n + j] -= factor * a[column * n + j]
      for (let j = 0; j < n; j++) b[i * n + j] -= factor * b[column * n + j]
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let j = 0; j < n; j++) {
      let sum = b[i * n + j]
      for (let k = i + 1; k < n; k++) sum -= a[i * n + k] * b[k * n + j]
      b[i * n + j] = sum / a[i * n + i]
    }
  }
}

function swapRows(matrix: Float64Array, i: number, j: number, n: number): void {
  for (let k = 0; k < n; k++) {
    const kept = matrix[i * n + k]
    matrix[i * n + k] = matrix[j * n + k]
    matrix[j * n + k] = kept
  }
}
