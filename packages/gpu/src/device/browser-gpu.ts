/** Where devices come from in a browser: the page's own WebGPU. */
import { NoAdapterError } from './errors.ts'

export const noAdapter =
  'This browser has WebGPU and no adapter for it on this machine: look at chrome://gpu, or run the tower as ONNX by onnxruntime-web.'

/** A page does not know the memory of its machine. */
export const hostMemoryBytes = (): number => Number.POSITIVE_INFINITY

/** @param _options Dawn's, of which a browser knows nothing @throws NoAdapterError where the browser or the page has no WebGPU */
export async function ownGpu(_options?: readonly string[]): Promise<GPU> {
  const { navigator, isSecureContext } = globalThis as { navigator?: { gpu?: GPU }; isSecureContext?: boolean }
  if (navigator?.gpu) return navigator.gpu
  throw new NoAdapterError(
    isSecureContext === false
      ? 'This page has no WebGPU, as it was not loaded over https or from localhost. Serve it there.'
      : 'This browser has no WebGPU. Take a current Chrome, Edge, Safari or Firefox, or run the tower as ONNX by onnxruntime-web.',
  )
}
