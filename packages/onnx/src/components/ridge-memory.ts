/**
 * A user's ridge memory: normal equations of each head by products, and their solution by conjugate gradients, preconditioned by the
 * diagonal, in as many steps as the graph has nodes for. Shape letters: R rows, L events of C channels, H heads, D numbers of an item
 * vector, P = D + 1 with the intercept.
 */
import type { SideLayout } from '@headwater/features'
import { memoryTable, missingChannel, type TokenConfig } from '@headwater/runtime'
import type { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'
import type { EventInputs } from './event-tokens.ts'

/** Exact arithmetic would need P; rounding takes some more, where numbers are few. */
const steps = (P: number) => Math.min(P + 12, 56)

/** Below what a divisor is not taken seriously: the solution was reached, and what is left is 0 ÷ 0. */
const least = 1e-30

/** @returns [R, H · (D + 4)]: of each head the coefficients of a vector's numbers, the intercept, three zeros */
export function ridgeMemory(
  graph: Graph,
  { decays, width: D, shared }: TokenConfig<'memory'>,
  sequence: NonNullable<SideLayout['sequence']>,
  { ids, channels, lengths }: EventInputs,
): Value {
  const [L, C] = channels.dims
  const [H, P] = [decays.length, D + 1]
  const mask = graph.belowLength(lengths, L)
  const phi = graph.concat([graph.lookUp(memoryTable(shared), ids, mask), graph.unsqueeze(graph.toFloat(mask), 2)], 2)
  const flag = missingChannel(sequence)
  const counts = flag < C ? graph.op('And', [mask, has(graph, channels, flag)], [L]) : mask
  const weights = fading(graph, lengths, counts, H, L)
  const residuals = graph.product(channels, graph.weight('user.memory.residuals'))
  const known = graph.op('Where', [graph.unsqueeze(mask, 2), residuals, graph.scalar(0)], [L, H])
  // [R, 1, L, P] · [R, H, L, 1]
  const wide = graph.unsqueeze(phi, 1)
  const weighted = graph.permute(graph.op('Mul', [wide, graph.unsqueeze(weights, 3)], [H, L, P]), [0, 2, 1])
  const sums = graph.op('MatMul', [weighted, wide], [H, P, P])
  const A = graph.binary('Add', sums, graph.derived('user.memory.ridge/diagonal', penalties(graph, H, P), [H, P, P]))
  const b = graph.product(weighted, graph.unsqueeze(graph.permute(known, [1, 0]), 3))
  return graph.flatten(graph.padLast(graph.reshape(solve(graph, A, b), [H, P]), D + 4))
}

/** Whether an event has its outcome: the flag is not over ½. */
function has(graph: Graph, channels: Value, flag: number): Value {
  const [L] = channels.dims
  const flags = graph.reshape(graph.slice(channels, -1, flag, flag + 1), [L])
  return graph.op('Not', [graph.op('Greater', [flags, graph.scalar(0.5)], [L])], [L])
}

/** e^(−rate · number of later events) [R, H, L], 0 where an event does not count. */
function fading(graph: Graph, lengths: Value, counts: Value, H: number, L: number): Value {
  const next = graph.int32(Array.from({ length: L }, (_, l) => l + 1))
  const later = graph.unsqueeze(graph.toFloat(graph.op('Sub', [graph.unsqueeze(lengths, 1), next], [L])), 1)
  const { data } = graph.matrix('user.memory.decays')
  const rates = Float32Array.from({ length: H }, (_, h) => -Math.exp(data[h]))
  const powers = graph.op('Mul', [later, graph.derived('user.memory.decays/rates', rates, [H, 1])], [H, L])
  const isThere = graph.unsqueeze(counts, 1)
  const bounded = graph.op('Where', [isThere, powers, graph.scalar(0)], [H, L])
  return graph.op('Where', [isThere, graph.op('Exp', [bounded], [H, L]), graph.scalar(0)], [H, L])
}

/** [H, P, P] */
function penalties(graph: Graph, H: number, P: number): Float32Array {
  const { data, cols } = graph.matrix('user.memory.ridge')
  const diagonals = new Float32Array(H * P * P)
  for (let h = 0; h < H; h++) for (let i = 0; i < P; i++) diagonals[(h * P + i) * P + i] = Math.exp(data[h * cols + i])
  return diagonals
}

/** A⁻¹ b for each head, A [R, H, P, P] and b [R, H, P, 1]. */
function solve(graph: Graph, A: Value, b: Value): Value {
  const [H, P] = A.dims
  const one = [H, 1, 1]
  const unit = Array.from({ length: P * P }, (_, i) => (i % (P + 1) === 0 ? 1 : 0))
  const diagonal = graph.op(
    'ReduceSum',
    [graph.binary('Mul', A, graph.floats(unit, [P, P])), graph.int64([-1])],
    b.dims,
    { keepdims: 1 },
  )
  const dot = (x: Value, y: Value) =>
    graph.op('ReduceSum', [graph.binary('Mul', x, y), graph.int64([-2])], one, { keepdims: 1 })
  const share = (x: Value, y: Value) => graph.binary('Div', x, graph.binary('Max', y, graph.scalar(least)))
  const along = (x: Value, y: Value, factor: Value, sign: 'Add' | 'Sub' = 'Add') =>
    graph.binary(sign, x, graph.binary('Mul', y, factor))
  let left = b
  let p = graph.binary('Div', b, diagonal)
  let size = dot(left, p)
  let x: Value | null = null
  for (let step = 0; step < steps(P); step++) {
    const q = graph.product(A, p)
    const far = share(size, dot(p, q))
    x = x === null ? graph.binary('Mul', p, far) : along(x, p, far)
    left = along(left, q, far, 'Sub')
    const z = graph.binary('Div', left, diagonal)
    const next = dot(left, z)
    p = along(z, p, share(next, size))
    size = next
  }
  return x!
}
