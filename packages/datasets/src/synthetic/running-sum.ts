/** Running sums of weights, as `RandomStream.pick` takes them. */
export function runningSum(weights: readonly number[]): Float64Array {
  let sum = 0
  return Float64Array.from(weights, (weight) => {
    sum += weight
    return sum
  })
}
