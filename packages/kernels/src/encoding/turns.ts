/**
 * Sine and cosine of an angle in turns. WGSL's own are only good to 2⁻¹¹ and only within ±π; here the angle is first
 * reduced to its fraction of a turn, and then both are one odd polynomial of at most a quarter turn (Taylor, error 6e-8).
 * NaN and infinity give NaN.
 */

/** (−1)ⁿ (2π)²ⁿ⁺¹ / (2n + 1)! */
function coefficient(n: number): number {
  let value = 2 * Math.PI
  for (let i = 1; i <= n; i++) value *= -((2 * Math.PI) ** 2) / (2 * i * (2 * i + 1))
  return value
}

const horner = [5, 4, 3, 2, 1, 0].map(coefficient).reduce((inner, c) => (inner ? `(${c} + w2 * ${inner})` : `${c}`), '')

/** `sineCosine(turns)` with members `sine` and `cosine`. */
export const turnsWgsl = /* wgsl */ `
struct SineCosine { sine: vec4f, cosine: vec4f }
fn quarterSine(w: vec4f) -> vec4f {
  let w2 = w * w;
  return w * ${horner};
}
fn sineCosine(turns: vec4f) -> SineCosine {
  let t = turns - round(turns);
  let a = abs(t);
  let sine = quarterSine(0.25 - abs(a - 0.25));
  return SineCosine(select(sine, -sine, t < vec4f()), quarterSine(0.25 - a));
}
`
