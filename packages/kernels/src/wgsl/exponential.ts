/** exp and log that hand NaN on. Drivers may make infinity or a number of it, and so hide a broken weight. */
export const exponentialWgsl = /* wgsl */ `
fn handOn(x: f32, value: f32) -> f32 { return select(value, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }
fn exponential(x: f32) -> f32 { return handOn(x, exp(x)); }
fn logarithm(x: f32) -> f32 { return handOn(x, log(x)); }
`
