// What of onnxruntime-web runs on WASM has the types that it shares with onnxruntime for Node.
declare module 'onnxruntime-web/wasm' {
  export * from 'onnxruntime-common'
}
