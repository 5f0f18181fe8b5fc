/** What is used of the peers: the types must check where they are not installed. */

declare module 'core-js/actual/iterator/index.js' {}

declare module 'onnxruntime-web/webgpu' {
  export const env: {
    readonly wasm: { numThreads: number }
    readonly webgpu: { readonly device: Promise<GPUDevice> }
    logLevel: 'error' | 'warning'
  }
  export class Tensor {
    constructor(type: 'float32' | 'int32', data: Float32Array | Int32Array, dims: readonly number[])
    static fromGpuBuffer(
      buffer: GPUBuffer,
      options: { readonly dataType: 'float32' | 'int32'; readonly dims: readonly number[] },
    ): Tensor
    getData(): Promise<Float32Array | Int32Array>
    dispose(): void
  }
  export interface InferenceSession {
    run(feeds: { readonly [name: string]: Tensor }): Promise<{ readonly [name: string]: Tensor }>
    release(): Promise<void>
  }
  export const InferenceSession: {
    create(
      model: Uint8Array,
      options: {
        readonly executionProviders: readonly string[]
        readonly preferredOutputLocation: 'gpu-buffer'
        readonly extra: object
      },
    ): Promise<InferenceSession>
  }
}

declare module '@tensorflow/tfjs-core' {
  export interface Tensor {
    data(): Promise<Float32Array | Int32Array | Uint8Array>
  }
  export interface WebGpuBackend {
    readonly device: GPUDevice
    readonly commandEncoder: GPUCommandEncoder | null
    endComputePassEncoder(): void
    submitQueue(): void
  }
  type Operand = Tensor | number
  export function setBackend(name: string): Promise<boolean>
  export function backend(): object
  export function tensor(data: Float32Array | Int32Array, dims: readonly number[], type: 'float32' | 'int32'): Tensor
  export interface Variable extends Tensor {
    readonly name: string
  }
  export function variable(initial: Tensor, trainable: boolean, name: string): Variable
  export const train: {
    adam(learningRate: number): { applyGradients(gradients: { readonly [name: string]: Tensor }): void }
  }
  export const losses: { sigmoidCrossEntropy(labels: Tensor, logits: Tensor): Tensor }
  export function sigmoid(x: Tensor): Tensor
  export function step(x: Tensor): Tensor
  export function sum(x: Tensor, axis: number): Tensor
  export function tidy<T>(run: () => T): T
  export function dispose(tensors: readonly Tensor[]): void
  export function matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor
  export function reshape(x: Tensor, dims: readonly number[]): Tensor
  export function softmax(x: Tensor): Tensor
  export function add(a: Tensor, b: Operand): Tensor
  export function sub(a: Tensor, b: Operand): Tensor
  export function mul(a: Tensor, b: Operand): Tensor
  export function div(a: Tensor, b: Operand): Tensor
  export function square(x: Tensor): Tensor
  export function sqrt(x: Tensor): Tensor
  export function rsqrt(x: Tensor): Tensor
  export function tanh(x: Tensor): Tensor
  export function mean(x: Tensor, axis: number): Tensor
  export function gather(x: Tensor, ids: Tensor): Tensor
  export function moments(x: Tensor, axis: number, keepDims: boolean): { mean: Tensor; variance: Tensor }
  export const fused: {
    matMul(options: { a: Tensor; b: Tensor; bias: Tensor; activation?: 'linear' | 'relu' }): Tensor
  }
}

declare module '@tensorflow/tfjs-backend-webgpu' {}

declare module '@jax-js/jax' {
  export interface Array {
    /** One more reference; every operation consumes one of each of its arguments. */
    readonly ref: Array
    reshape(dims: readonly number[]): Array
    add(x: Array | number): Array
    sub(x: Array | number): Array
    mul(x: Array | number): Array
    div(x: Array | number): Array
    sum(): Array
    data(): Promise<Float32Array | Int32Array>
    gpuBuffer(): Promise<GPUBuffer>
    dispose(): void
  }
  type Run = (...inputs: Array[]) => Array | Array[]
  export function init(device: 'webgpu'): Promise<string[]>
  export function defaultDevice(device: 'webgpu'): void
  export function getWebGPUDevice(): GPUDevice
  export function jit(run: Run): Run & { dispose(): void }
  export function grad(
    f: (...inputs: [Array, Array, Array, Array, Array]) => Array,
    options: { readonly argnums: readonly number[] },
  ): (...inputs: Array[]) => Array[]
  export const numpy: {
    array(data: Float32Array | Int32Array): Array
    matmul(a: Array, b: Array): Array
    matrixTranspose(a: Array): Array
    mean(x: Array, axis: number): Array
    take(x: Array, ids: Array, axis: number): Array
    square(x: Array): Array
    sqrt(x: Array): Array
  }
  export const nn: {
    softmax(x: Array, axis: number): Array
    standardize(x: Array, axis: number, options: { readonly epsilon: number }): Array
    gelu(x: Array): Array
    dotProductAttention(q: Array, k: Array, v: Array, options: { readonly keyValueSeqLengths: Array }): Array
  }
}
