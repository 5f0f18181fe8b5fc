/**
 * `logistic(z)`: σ(z), softplus(z) = log(1 + e^z) and softplus(−z), from one exponential that never overflows.
 * log(1 + e) is a series where e is small, so that a confident right answer keeps a loss that is not rounded to 0.
 */
export const softplusWgsl = /* wgsl */ `
struct Logistic { sigmoid: vec4f, ofPlus: vec4f, ofMinus: vec4f }
fn logistic(z: vec4f) -> Logistic {
  let e = exp(-abs(z));
  let tail = select(log(1.0 + e), e * (1.0 - e * (0.5 - e * (1.0 / 3.0 - e * 0.25))), e < vec4f(0.03));
  let isPlus = z > vec4f();
  return Logistic(
    select(e, vec4f(1.0), isPlus) / (1.0 + e),
    select(vec4f(), z, isPlus) + tail,
    select(-z, vec4f(), isPlus) + tail,
  );
}
`
