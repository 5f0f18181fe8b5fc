/// <reference lib="dom" />
// WebGPU's types are part of TypeScript's DOM library from 6.0 on.
export * from '../dist/index.js'
