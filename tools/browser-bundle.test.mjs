// What a page needs of the packages is bundled for a browser, without anything of Node's.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { inWorkspace } from './workspace.mjs'

/** @param {string} contents of a module @returns {Promise<{ gzipBytes: number, code: string }>} */
async function bundle(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: inWorkspace('bench') },
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['@headwater/source'],
    logLevel: 'silent',
  })
  return { gzipBytes: gzipSync(outputFiles[0].contents).length, code: outputFiles[0].text }
}

test('both towers, their features and the inputs of their ONNX models are at most 150 kB', async () => {
  const { gzipBytes, code } = await bundle(`export { loadMixTower, loadTower } from '@headwater/runtime'
    export { decodeSnapshot } from '@headwater/snapshot'
    export { inputArrays } from '@headwater/onnx/inputs'`)
  expect(gzipBytes).toBeLessThanOrEqual(150_000)
  expect(/from ?["']node:/.test(code)).toBe(false)
})

test('the client speaks over fetch', async () => {
  const { gzipBytes, code } = await bundle("export { createClient } from '@headwater/client'")
  expect(gzipBytes).toBeLessThanOrEqual(40_000)
  expect(/node:https?/.test(code)).toBe(false)
})
