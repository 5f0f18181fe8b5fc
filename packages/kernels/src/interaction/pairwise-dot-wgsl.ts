/** WGSL of the pairwise dot products: register tiles, a lane each, and tiles in workgroup memory. */

import { mainWgsl } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'

/** Lanes of a workgroup where each lane has a tile of its own. */
export const tileLanes = 32
/** vec4 columns of dx that a lane accumulates for each feature of its tile. */
export const tileWidth4 = 2

/** Features of a tile, and vec4 columns of it held at a time, where a workgroup of 8 × 8 lanes shares it. */
export const groupFeatures = 32
export const groupWidth4 = 8

const lines = (n: number, line: (i: number) => string) => range(n).map(line).join('\n  ')
const grid = (n: number, m: number, line: (k: number, l: number) => string) =>
  range(n)
    .flatMap((k) => range(m).map((l) => line(k, l)))
    .join('\n  ')

/** Tile t of the lower triangle of n × n tiles, row by row: (I, J) with J ≤ I. */
const triangleWgsl = /* wgsl */ `
fn triangle(t: u32) -> vec2u {
  var I = 0u;
  while ((I + 1u) * (I + 2u) / 2u <= t) { I++; }
  return vec2u(I, t - I * (I + 1u) / 2u);
}
`

/** A lane computes the products of T features with T others: 2 T loads for T² products. */
export const forwardInTiles = (T: number) => /* wgsl */ `
${triangleWgsl}${mainWgsl(tileLanes)}
  let n = group * ${tileLanes}u + lane;
  let F = u.F;
  let D4 = u.D4;
  let tiles = (F + ${T - 1}u) / ${T}u;
  let each = tiles * (tiles + 1u) / 2u;
  let r = n / each;
  if (r >= u.R) { return; }
  let tile = triangle(n % each) * ${T}u;
  let row = u.xOffset + r * u.xRow;
  ${lines(T, (k) => `let a${k} = row + min(tile.x + ${k}u, F - 1u) * u.xFeature;`)}
  ${lines(T, (k) => `let b${k} = row + min(tile.y + ${k}u, F - 1u) * u.xFeature;`)}
  ${grid(T, T, (k, l) => `var s${k}_${l} = 0.0;`)}
  for (var d = 0u; d < D4; d++) {
    ${lines(T, (l) => `let y${l} = x[b${l} + d];`)}
    ${lines(
      T,
      (k) =>
        `{ let e = x[a${k} + d]; ${range(T)
          .map((l) => `s${k}_${l} += dot(e, y${l});`)
          .join(' ')} }`,
    )}
  }
  let to = u.zOffset + r * u.zRow;
  ${lines(T, (k) => {
    const stores = range(T).map((l) => `if (tile.y + ${l}u < i) { z[at + ${l}u] = s${k}_${l}; }`)
    return `{ let i = tile.x + ${k}u; if (i < F) { let at = to + i * (i - 1u) / 2u + tile.y; ${stores.join(' ')} } }`
  })}
}`

/**
 * A lane computes a few vec4 columns of T features' gradients, over all other features. A feature's product with itself
 * is none of the outputs: its coefficient and vector are masked, so that infinities do not meet zeros.
 */
export const backwardInTiles = (T: number) => {
  const C = tileWidth4
  const terms = (k: number) => {
    const adds = range(C).map((c) => `s${k}_${c} += g * select(y${c}, vec4f(), j == i${k});`)
    return `{ let g = select(dz[select(above + i${k}, p${k} + j, j < i${k})], 0.0, j == i${k}); ${adds.join(' ')} }`
  }
  return /* wgsl */ `${mainWgsl(tileLanes)}
  let n = group * ${tileLanes}u + lane;
  let F = u.F;
  let D4 = u.D4;
  let parts = (D4 + ${C - 1}u) / ${C}u;
  let each = (F + ${T - 1}u) / ${T}u * parts;
  let r = n / each;
  if (r >= u.R) { return; }
  let tile = (n % each) / parts * ${T}u;
  let first = (n % parts) * ${C}u;
  let row = u.xOffset + r * u.xRow;
  let xFeature = u.xFeature;
  let products = u.zOffset + r * u.zRow;
  ${lines(T, (k) => `let i${k} = min(tile + ${k}u, F - 1u); let p${k} = products + i${k} * (i${k} - 1u) / 2u;`)}
  ${lines(C, (c) => `let column${c} = row + min(first + ${c}u, D4 - 1u);`)}
  ${grid(T, C, (k, c) => `var s${k}_${c} = vec4f();`)}
  for (var j = 0u; j < F; j++) {
    let above = products + j * (j - 1u) / 2u;
    ${lines(C, (c) => `let y${c} = x[column${c} + j * xFeature];`)}
    ${lines(T, terms)}
  }
  let accumulate = u.accumulate != 0u;
  ${grid(T, C, (k, c) => `if (tile + ${k}u < F && first + ${c}u < D4) { let at = column${c} + i${k} * xFeature; if (accumulate) { s${k}_${c} += dx[at]; } dx[at] = s${k}_${c}; }`)}
}`
}

/** vec4 from a feature to the next in workgroup memory: one more than it holds, so that lanes meet different banks. */
const groupStride = groupWidth4 + 1

/** A workgroup of 8 × 8 lanes holds two blocks of features; a lane computes 4 × 4 products of features 8 apart. */
export const forwardInWorkgroups = () => /* wgsl */ `
var<workgroup> left: array<vec4f, ${groupFeatures * groupStride}>;
var<workgroup> right: array<vec4f, ${groupFeatures * groupStride}>;
${triangleWgsl}${mainWgsl(64)}
  let F = u.F;
  let D4 = u.D4;
  let tiles = (F + ${groupFeatures - 1}u) / ${groupFeatures}u;
  let each = tiles * (tiles + 1u) / 2u;
  let n = group;
  let r = n / each;
  if (r >= u.R) { return; }
  let tile = triangle(n % each) * ${groupFeatures}u;
  let row = u.xOffset + r * u.xRow;
  let li = lane / 8u;
  let lj = lane % 8u;
  var sum: array<array<f32, 4>, 4>;
  let rows = min(${groupFeatures}u, F - tile.y);
  for (var first = 0u; first < D4; first += ${groupWidth4}u) {
    let width = min(${groupWidth4}u, D4 - first);
    for (var e = lane; e < rows * width; e += 64u) {
      let f = e / width;
      let d = e % width;
      let at = row + first + d;
      right[f * ${groupStride}u + d] = x[at + (tile.y + f) * u.xFeature];
      if (tile.x + f < F) { left[f * ${groupStride}u + d] = x[at + (tile.x + f) * u.xFeature]; }
    }
    workgroupBarrier();
    for (var d = 0u; d < width; d++) {
      ${lines(4, (l) => `let y${l} = right[(lj + ${l * 8}u) * ${groupStride}u + d];`)}
      ${lines(
        4,
        (k) =>
          `{ let e = left[(li + ${k * 8}u) * ${groupStride}u + d]; ${range(4)
            .map((l) => `sum[${k}][${l}] += dot(e, y${l});`)
            .join(' ')} }`,
      )}
    }
    workgroupBarrier();
  }
  let to = u.zOffset + r * u.zRow;
  ${grid(4, 4, (k, l) => `{ let i = tile.x + li + ${k * 8}u; let j = tile.y + lj + ${l * 8}u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[${k}][${l}]; } }`)}
}`

/** A workgroup of 8 × 8 lanes computes 8 vec4 columns of a block of features; a lane those of 4 features 8 apart. */
export const backwardInWorkgroups = () => /* wgsl */ `
var<workgroup> coefficients: array<f32, ${groupFeatures * (groupFeatures + 1)}>;
var<workgroup> vectors: array<vec4f, ${groupFeatures * groupWidth4}>;
${mainWgsl(64)}
  let F = u.F;
  let D4 = u.D4;
  let parts = (D4 + ${groupWidth4 - 1}u) / ${groupWidth4}u;
  let each = (F + ${groupFeatures - 1}u) / ${groupFeatures}u * parts;
  let n = group;
  let r = n / each;
  if (r >= u.R) { return; }
  let tile = (n % each) / parts * ${groupFeatures}u;
  let first = (n % parts) * ${groupWidth4}u;
  let row = u.xOffset + r * u.xRow;
  let products = u.zOffset + r * u.zRow;
  let li = lane / 8u;
  let ld = lane % 8u;
  let rows = min(${groupFeatures}u, F - tile);
  let width = min(${groupWidth4}u, D4 - first);
  var sum: array<vec4f, 4>;
  for (var other = 0u; other < F; other += ${groupFeatures}u) {
    let size = min(${groupFeatures}u, F - other);
    for (var e = lane; e < rows * ${groupFeatures}u; e += 64u) {
      let i = tile + e / ${groupFeatures}u;
      let j = other + e % ${groupFeatures}u;
      var g = 0.0;
      if (j < F && i != j) {
        let high = max(i, j);
        g = dz[products + high * (high - 1u) / 2u + min(i, j)];
      }
      coefficients[e / ${groupFeatures}u * ${groupFeatures + 1}u + e % ${groupFeatures}u] = g;
    }
    for (var e = lane; e < size * width; e += 64u) {
      let j = e / width;
      let d = e % width;
      vectors[j * ${groupWidth4}u + d] = x[row + (other + j) * u.xFeature + first + d];
    }
    workgroupBarrier();
    for (var j = 0u; j < size; j++) {
      let y = vectors[j * ${groupWidth4}u + ld];
      ${lines(4, (k) => `sum[${k}] += coefficients[(li + ${k * 8}u) * ${groupFeatures + 1}u + j] * select(y, vec4f(), tile + li + ${k * 8}u == other + j);`)}
    }
    workgroupBarrier();
  }
  if (first + ld >= D4) { return; }
  ${lines(4, (k) => `{ let i = tile + li + ${k * 8}u; if (i < F) { let at = row + i * u.xFeature + first + ld; if (u.accumulate != 0u) { sum[${k}] += dx[at]; } dx[at] = sum[${k}]; } }`)}
}`
