/**
 * Our kernels as a contestant: each in the tuning that the library chooses by itself, and as many runs as are asked for
 * recorded in one program.
 */
import {
  type Dispatch,
  type GpuDevice,
  type Kernel,
  Program,
  prepareDispatch,
  type Shape,
  type Tuning,
} from '@headwater/gpu'
import {
  activationForward,
  activations,
  adamw,
  attentionBackwardKeyValue,
  attentionBackwardQuery,
  attentionForward,
  copyShape,
  gather,
  gatherModes,
  layerNormForward,
  layoutCopy,
  matmul,
  matmulShape,
  normShape,
} from '@headwater/kernels'
import type { Attempt, Contestant } from './contestant.ts'
import {
  type AdamwWork,
  type AttentionWork,
  adamwRates,
  type GatherWork,
  type LinearGeluWork,
  layerNormEpsilon,
  type MatmulWork,
  type RowsWork,
  type Workload,
} from './workloads.ts'

export interface OwnAttempt extends Attempt {
  readonly kernel: string
  readonly tuning: string
  readonly shape: Shape
  readonly flops: number
  readonly bytes: number
}

/** What we compare; `beside` is ours again: what the backward pass is measured by, or the same work in three kernels. */
export interface OwnAttempts {
  readonly main: OwnAttempt
  readonly beside?: OwnAttempt
}

type Inputs = Workload['inputs']

const joined = (...arrays: readonly (Float32Array | Int32Array)[]) =>
  Float32Array.from(arrays.flatMap((array) => [...array]))

/** The buffers of one operation, and dispatches on them. */
class Operation {
  readonly #device: GpuDevice
  readonly #owned: GPUBuffer[] = []

  constructor(device: GpuDevice) {
    this.#device = device
  }

  upload(label: string, data: Float32Array | Int32Array | Uint32Array): GPUBuffer {
    const buffer = this.empty(label, data.length)
    this.#device.gpuDevice.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>)
    return buffer
  }

  empty(label: string, floats: number): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const buffer = this.#device.buffer(label, floats * 4, usage)
    this.#owned.push(buffer)
    return buffer
  }

  dispatch<S extends Shape, B extends string, T extends Tuning>(
    kernel: Kernel<S, B, T>,
    shape: S,
    buffers: { readonly [K in B]: GPUBuffer },
  ): Dispatch {
    return prepareDispatch(this.#device, kernel, shape, buffers)
  }

  attempt(dispatches: readonly Dispatch[], output: GPUBuffer, floats: number): OwnAttempt {
    const device = this.#device
    const programs = new Map<number, Program>()
    const programOf = (repeats: number) => {
      const known = programs.get(repeats)
      if (known) return known
      const program = new Program(device, new Array(repeats).fill(dispatches).flat(), 'peers bench')
      programs.set(repeats, program)
      return program
    }
    const [{ shape }] = dispatches
    const sum = (of: (dispatch: Dispatch) => number) => dispatches.reduce((total, dispatch) => total + of(dispatch), 0)
    return {
      kernel: dispatches.map(({ kernel }) => kernel).join(' + '),
      tuning: [...new Set(dispatches.map(({ tuning }) => tuning))].join(', '),
      way: dispatches.map(({ kernel, tuning }) => `${kernel}/${tuning}`).join(', '),
      shape,
      flops: sum(({ flops }) => flops),
      bytes: sum(({ bytes }) => bytes),
      async result() {
        programOf(1).submit()
        return new Float32Array(await device.read(output, floats * 4))
      },
      queue: (repeats) => programOf(repeats).submit(),
      dispose: () => {
        for (const program of programs.values()) program.dispose()
        for (const buffer of this.#owned.splice(0)) device.release(buffer)
      },
    }
  }
}

export class Ours implements Contestant {
  readonly name = 'headwater'
  readonly device: GPUDevice
  readonly #gpu: GpuDevice

  constructor(gpu: GpuDevice) {
    this.#gpu = gpu
    this.device = gpu.gpuDevice
  }

  prepare({ work, inputs }: Workload): OwnAttempts {
    const on = new Operation(this.#gpu)
    switch (work.kind) {
      case 'matmul':
        return { main: matrixProduct(on, work, inputs) }
      case 'attention':
      case 'attention-backward':
        return attention(on, work, inputs)
      case 'layer-norm':
        return { main: layerNorm(on, work, inputs) }
      case 'gather':
        return { main: gatherMean(on, work, inputs) }
      case 'adamw':
        return { main: optimizerStep(on, work, inputs) }
      case 'linear-gelu':
        return linearGelu(on, work, inputs)
    }
  }
}

function matrixProduct(on: Operation, { B, M, N, K, transposeA }: MatmulWork, x: Inputs): OwnAttempt {
  const strides = transposeA ? { aRow: 1, aCol: M } : {}
  const c = on.empty('c', B * M * N)
  const unused = on.empty('unused', 4)
  const buffers = { a: on.upload('a', x.a), b: on.upload('b', x.b), bias: unused, factor: unused }
  const shape = matmulShape({ M, N, K, batch: B, ...strides })
  return on.attempt([on.dispatch(matmul, shape, { ...buffers, residual: unused, step: unused, c })], c, B * M * N)
}

function attention(on: Operation, { kind, B, L, H, D }: AttentionWork, x: Inputs): OwnAttempts {
  const [size, width] = [B * L * H * D, H * D]
  const shape = {
    ...{ B, L, H, D },
    ...{ qOffset: 0, kOffset: size, vOffset: 2 * size, row: width, yOffset: 0, yRow: width, causal: 0 as const },
  }
  const [qkv, lengths] = [on.upload('qkv', joined(x.q, x.k, x.v)), on.upload('lengths', x.lengths)]
  const [y, lses] = [on.empty('y', size), on.empty('lses', B * H * L)]
  const forward = on.attempt([on.dispatch(attentionForward, shape, { qkv, lengths, y, lses })], y, size)
  if (kind === 'attention') return { main: forward }
  // The backward pass reads what the forward one left.
  forward.queue(1)
  const dy = on.upload('dy', x.dy)
  const [dqkv, deltas] = [on.empty('dqkv', 3 * size), on.empty('deltas', B * H * L)]
  const given = { qkv, dy, lengths, lses, deltas, dqkv }
  const dispatches = [
    on.dispatch(attentionBackwardQuery, shape, { ...given, y }),
    on.dispatch(attentionBackwardKeyValue, shape, given),
  ]
  return { main: on.attempt(dispatches, dqkv, 3 * size), beside: forward }
}

function layerNorm(on: Operation, { R, D }: RowsWork, x: Inputs): OwnAttempt {
  const shape = normShape({ V: R, D4: D / 4, hasGain: 1, hasShift: 1, epsilon: layerNormEpsilon })
  const [y, moments] = [on.empty('y', R * D), on.empty('moments', R * 2)]
  const given = { x: on.upload('x', x.x), gain: on.upload('gain', x.gain), shift: on.upload('shift', x.shift) }
  return on.attempt([on.dispatch(layerNormForward, shape, { ...given, y, moments })], y, R * D)
}

function gatherMean(on: Operation, { R, ids, D, V }: GatherWork, x: Inputs): OwnAttempt {
  const D4 = D / 4
  const shape = { R, M: ids, D4, V, partRows: V, mode: gatherModes.mean, yColumn: 0, yRow: D4 }
  const table = on.upload('table', x.table)
  const lengths = on.upload('lengths', new Uint32Array(R).fill(ids))
  const y = on.empty('y', R * D)
  const tables = { table0: table, table1: table, table2: table, table3: table }
  const given = { ...tables, ids: on.upload('ids', x.ids), lengths, y }
  return on.attempt([on.dispatch(gather, shape, given)], y, R * D)
}

function optimizerStep(on: Operation, { parameters }: AdamwWork, x: Inputs): OwnAttempt {
  const { learning, beta1, beta2, decay, step } = adamwRates
  const corrections = [1 / (1 - beta1 ** step), 1 / (1 - beta2 ** step)]
  const rates = on.upload('rates', Float32Array.of(learning, 0, ...corrections, decay, 1, 0, 0))
  const values = on.upload('values', x.values)
  const moments = { first: on.upload('first', x.first), second: on.upload('second', x.second) }
  const given = { rates, gradient: on.upload('gradient', x.gradient), ...moments, values }
  const count4 = parameters / 4
  return on.attempt([on.dispatch(adamw, { count4, decayed4: count4 }, given)], values, parameters)
}

function linearGelu(on: Operation, { M, N, K }: LinearGeluWork, x: Inputs): OwnAttempts {
  const [y, unused] = [on.empty('y', M * N), on.empty('unused', 4)]
  const bias = on.upload('bias', x.bias)
  const operands = { a: on.upload('x', x.x), b: on.upload('w', x.w) }
  const given = { ...operands, bias, factor: unused, residual: unused, step: unused }
  const fused = matmulShape({ M, N, K, hasBias: 1, activation: activations.gelu })
  const main = on.attempt([on.dispatch(matmul, fused, { ...given, c: y })], y, M * N)
  const [product, output] = [on.empty('x · w', M * N), on.empty('apart', M * N)]
  const addBias = copyShape({ R: M, C: N / 4, inRow: 0, accumulate: 1 })
  const gelu = { count4: (M * N) / 4, code: activations.gelu, dropout: 0, site: 0 }
  const apart = [
    on.dispatch(matmul, matmulShape({ M, N, K }), { ...given, c: product }),
    on.dispatch(layoutCopy, addBias, { input: bias, output: product }),
    on.dispatch(activationForward, gelu, { x: product, step: unused, y: output }),
  ]
  return { main, beside: on.attempt(apart, output, M * N) }
}
