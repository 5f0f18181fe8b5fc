/**
 * Tiles of A and B in workgroup memory, for GPUs: 16 × 16 invocations, each of rows / 16 rows and one vec4 column of C.
 * With two buffers the next tiles are loaded into registers while the present ones are multiplied, and one barrier a
 * step is enough.
 */

import { mainWgsl } from '../wgsl/linear-grid.ts'
import { range } from './columns.ts'
import { epilogueWgsl, tileWgsl } from './epilogue.ts'
import type { Layout } from './shape.ts'

export interface WorkgroupTile {
  /** 64 or 128. */
  readonly tileRows: number
  /** Rows of K in workgroup memory at a time; a multiple of 4. */
  readonly depth: number
  readonly buffers: 1 | 2
  /** Tiles and products in f16, sums in f32. */
  readonly half?: boolean
}

const columns4 = 16

/** Loads of A: vec4 of four rows at one k, so that a tile is read back in vec4. */
function loadA(count: number, depth: number, rows4: number): string {
  return range(Math.ceil(count / 256))
    .map(
      (s) => `{
      let index = local + ${s * 256}u;
      // Neighbouring invocations run along whatever lies beside each other in A.
      let k = select(index % ${depth}u, index / ${rows4}u, u.aRow == 1u);
      let m4 = select(index / ${depth}u, index % ${rows4}u, u.aRow == 1u);
      let at = aStart + min(kStart + k, u.K - 1u) * u.aCol;
      let r = min(vec4u(tile.row + m4 * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(u.M - 1u)) * u.aRow + at;
      nextA[${s}] = select(vec4f(), vec4f(a[r.x], a[r.y], a[r.z], a[r.w]), kStart + k < u.K);
      toA[${s}] = k * ${rows4}u + m4;
    }`,
    )
    .join('\n    ')
}

/** Loads of B by layout: values nextB[0…] and where in the tile they go. */
function loadB(layout: Layout, depth: number, type: string): { loads: string; stores: string; perInvocation: number } {
  if (layout === 'row-major') {
    const count = depth * columns4
    const steps = range(Math.ceil(count / 256))
    return {
      perInvocation: steps.length,
      loads: steps
        .map((s) => {
          const k = `kStart + (local + ${s * 256}u) / ${columns4}u`
          return `nextB[${s}] = select(vec4f(), b[bStart + min(${k}, u.K - 1u) * u.bRow], ${k} < u.K);`
        })
        .join('\n    '),
      stores: steps
        .map((s) => {
          const store = `tileB[side * ${count}u + local + ${s * 256}u] = ${type}(nextB[${s}]);`
          return (s + 1) * 256 <= count ? store : `if (local + ${s * 256}u < ${count}u) { ${store} }`
        })
        .join('\n    '),
    }
  }
  if (layout === 'half') {
    // 8 columns a load; `depth` × 8 of them, at most one for each invocation
    const k = `kStart + min(local / 8u, ${depth - 1}u)`
    return {
      perInvocation: 2,
      loads: `{
      let h = select(vec4u(), b[bStart + min(${k}, u.K - 1u) * u.bRow], ${k} < u.K);
      nextB[0] = vec4f(unpack2x16float(h.x), unpack2x16float(h.y));
      nextB[1] = vec4f(unpack2x16float(h.z), unpack2x16float(h.w));
    }`,
      stores: `if (local < ${depth * 8}u) {
      let to = side * ${depth * columns4}u + local * 2u;
      tileB[to] = ${type}(nextB[0]);
      tileB[to + 1u] = ${type}(nextB[1]);
    }`,
    }
  }
  // Four columns at four k, turned round in registers; depth / 4 × 16 of them.
  return {
    perInvocation: 4,
    loads: `{
      let k = kStart + min(local / ${columns4}u, ${depth / 4 - 1}u) * 4u;
      let at = min(k, (u.K - 1u) / 4u * 4u) / 4u;
      let x = b[bStart.x + at];
      let y = b[bStart.y + at];
      let z = b[bStart.z + at];
      let w = b[bStart.w + at];
      ${range(4)
        .map((i) => {
          const c = 'xyzw'[i]
          return `nextB[${i}] = select(vec4f(), select(vec4f(), vec4f(x.${c}, y.${c}, z.${c}, w.${c}), exists), k + ${i}u < u.K);`
        })
        .join('\n      ')}
    }`,
    stores: `if (local < ${(depth / 4) * columns4}u) {
      let to = side * ${depth * columns4}u + local / ${columns4}u * ${4 * columns4}u + local % ${columns4}u;
      ${range(4)
        .map((i) => `tileB[to + ${i * columns4}u] = ${type}(nextB[${i}]);`)
        .join(' ')}
    }`,
  }
}

function startB(layout: Layout): string {
  if (layout === 'row-major')
    return `let source = placeOf(tile.column4 + local % ${columns4}u, tile.batch);
  let bStart = u.bOffset + batchOf(source) * u.bBatch + source.y;`
  if (layout === 'half')
    return `let source = placeOf(tile.column4 + local % 8u * 2u, tile.batch);
  let bStart = u.bOffset + batchOf(source) * u.bBatch + source.y / 2u;`
  return `let source = placeOf(tile.column4 + local % ${columns4}u, tile.batch);
  let columns = vec4u(source.y * 4u) + vec4u(0u, 1u, 2u, 3u);
  let exists = columns < vec4u(u.N);
  let bStart = vec4u(u.bOffset + batchOf(source) * u.bBatch) + min(columns, vec4u(u.N - 1u)) * u.bRow;`
}

export function workgroupTileWgsl(layout: Layout, { tileRows, depth, buffers, half }: WorkgroupTile): string {
  const rows4 = tileRows / 4
  const own4 = tileRows / 64
  const countA = depth * rows4
  const type = half ? 'vec4h' : 'vec4f'
  const b = loadB(layout, depth, type)
  const stepsA = Math.ceil(countA / 256)
  const storeA = range(stepsA)
    .map((s) => {
      const store = `tileA[side * ${countA}u + toA[${s}]] = ${type}(nextA[${s}]);`
      return (s + 1) * 256 <= countA ? store : `if (local + ${s * 256}u < ${countA}u) { ${store} }`
    })
    .join('\n    ')
  const multiply = `for (var k = 0u; k < ${depth}u; k++) {
      let x = tileB[side * ${depth * columns4}u + k * ${columns4}u + local % 16u];
      ${range(own4)
        .map(
          (q) => `{ let v = tileA[side * ${countA}u + k * ${rows4}u + local / 16u * ${own4}u + ${q}u];
        ${range(4)
          .map((i) => `s${q * 4 + i} += ${half ? 'vec4f' : ''}(v.${'xyzw'[i]} * x);`)
          .join(' ')} }`,
        )
        .join('\n      ')}
    }`
  const load = `${loadA(countA, depth, rows4)}
    ${b.loads}`
  const oneBuffer = `for (var kStart = 0u; kStart < u.K; kStart += ${depth}u) {
    ${load}
    workgroupBarrier();
    ${storeA}
    ${b.stores}
    workgroupBarrier();
    ${multiply}
  }`
  const twoBuffers = `{
    let kStart = 0u;
    ${load}
    ${storeA}
    ${b.stores}
  }
  workgroupBarrier();
  for (var kNow = 0u; kNow < u.K; kNow += ${depth}u) {
    let kStart = kNow + ${depth}u;
    ${load}
    ${multiply}
    side = 1u - side;
    ${storeA}
    ${b.stores}
    workgroupBarrier();
  }`
  return /* wgsl */ `
${tileWgsl(layout)}
${epilogueWgsl}
var<workgroup> tileA: array<${type}, ${countA * buffers}>;
var<workgroup> tileB: array<${type}, ${depth * columns4 * buffers}>;
${mainWgsl(256, 'local')}
  let tile = tileOf(group, groups, ${tileRows}u, ${columns4}u);
  let aStart = u.aOffset + min(tile.batch, u.batch - 1u) * u.aBatch;
  ${startB(layout)}
  var nextA: array<vec4f, ${stepsA}>;
  var toA: array<u32, ${stepsA}>;
  var nextB: array<vec4f, ${b.perInvocation}>;
  var side = 0u;
  ${range(tileRows / 16)
    .map((r) => `var s${r} = vec4f();`)
    .join(' ')}
  ${buffers === 2 ? twoBuffers : oneBuffer}
  let place = placeOf(tile.column4 + local % 16u, tile.batch);
  let first = tile.row + local / 16u * ${tileRows / 16}u;
  ${range(tileRows / 16)
    .map((r) => `finish(place, first + ${r}u, s${r});`)
    .join('\n  ')}
}`
}
