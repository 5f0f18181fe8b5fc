/** A snapshot's tower that cannot be written as an ONNX model. */
export class OnnxExportError extends Error {
  override readonly name = 'OnnxExportError'
}
