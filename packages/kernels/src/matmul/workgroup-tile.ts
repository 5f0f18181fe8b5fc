/**
 * Tiles of A and B in workgroup memory, for GPUs: 64 × 64 of C by 16 × 16 invocations, each of 4 rows and one vec4 column,
 * 16 rows of K at a time.
 */

import { mainWgsl } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'
import { epilogueWgsl, tileWgsl } from './epilogue.ts'
import type { Layout } from './shape.ts'

/** Where B begins for an invocation, loads of nextB[0…], and where in the tile they go. */
interface SideB {
  readonly start: string
  readonly loads: string
  readonly stores: string
  readonly perInvocation: number
}

const sideB: Record<Layout, SideB> = {
  'row-major': {
    perInvocation: 1,
    start: `let source = placeOf(tile.column4 + lane % 16u, tile.batch);
  let bStart = u.bOffset + batchOf(source) * u.bBatch + source.y;`,
    loads:
      'nextB[0] = select(vec4f(), b[bStart + min(kStart + lane / 16u, u.K - 1u) * u.bRow], kStart + lane / 16u < u.K);',
    stores: 'tileB[lane] = nextB[0];',
  },
  // Four columns at four k, turned round in registers; 4 × 16 of them.
  transposed: {
    perInvocation: 4,
    start: `let source = placeOf(tile.column4 + lane % 16u, tile.batch);
  let columns = vec4u(source.y * 4u) + vec4u(0u, 1u, 2u, 3u);
  let exists = columns < vec4u(u.N);
  let bStart = vec4u(u.bOffset + batchOf(source) * u.bBatch) + min(columns, vec4u(u.N - 1u)) * u.bRow;`,
    loads: `{
      let k = kStart + min(lane / 16u, 3u) * 4u;
      let at = min(k, (u.K - 1u) / 4u * 4u) / 4u;
      let x = b[bStart.x + at];
      let y = b[bStart.y + at];
      let z = b[bStart.z + at];
      let w = b[bStart.w + at];
      ${[...'xyzw'].map((c, i) => `nextB[${i}] = select(vec4f(), select(vec4f(), vec4f(x.${c}, y.${c}, z.${c}, w.${c}), exists), k + ${i}u < u.K);`).join('\n      ')}
    }`,
    stores: `if (lane < 64u) {
      let to = lane / 16u * 64u + lane % 16u;
      ${range(4)
        .map((i) => `tileB[to + ${i * 16}u] = nextB[${i}];`)
        .join(' ')}
    }`,
  },
}

export function workgroupTileWgsl(layout: Layout): string {
  const b = sideB[layout]
  return /* wgsl */ `
${tileWgsl}
${epilogueWgsl}
var<workgroup> tileA: array<vec4f, 256>;
var<workgroup> tileB: array<vec4f, 256>;
${mainWgsl(256)}
  let tile = tileOf(group, 64u, 16u);
  let aStart = u.aOffset + min(tile.batch, u.batch - 1u) * u.aBatch;
  ${b.start}
  // Neighbouring invocations run along whatever lies beside each other in A: vec4 of four rows at one k.
  let ak = select(lane % 16u, lane / 16u, u.aRow == 1u);
  let am4 = select(lane / 16u, lane % 16u, u.aRow == 1u);
  var nextB: array<vec4f, ${b.perInvocation}>;
  ${range(4)
    .map((r) => `var s${r} = vec4f();`)
    .join(' ')}
  for (var kStart = 0u; kStart < u.K; kStart += 16u) {
    let at = aStart + min(kStart + ak, u.K - 1u) * u.aCol;
    let r = min(vec4u(tile.row + am4 * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(u.M - 1u)) * u.aRow + at;
    let nextA = select(vec4f(), vec4f(a[r.x], a[r.y], a[r.z], a[r.w]), kStart + ak < u.K);
    ${b.loads}
    workgroupBarrier();
    tileA[ak * 16u + am4] = nextA;
    ${b.stores}
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
      let x = tileB[k * 16u + lane % 16u];
      let v = tileA[k * 16u + lane / 16u];
      ${range(4)
        .map((i) => `s${i} += v.${'xyzw'[i]} * x;`)
        .join(' ')}
    }
  }
  let place = placeOf(tile.column4 + lane % 16u, tile.batch);
  let first = tile.row + lane / 16u * 4u;
  ${range(4)
    .map((r) => `finish(place, first + ${r}u, s${r});`)
    .join('\n  ')}
}`
}
