import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requestDevice } from '@headwater/gpu'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { Child, worker } from '../testing/child.ts'
import { chooseEncoder } from './choose-encoder.ts'

test('what is asked for is taken, without a word', async () => {
  const say = () => expect.fail('it says something')
  expect(await chooseEncoder('webgpu', say)).toBe('webgpu')
  expect(await chooseEncoder('onnx', say)).toBe('onnx')
})

test('by itself it takes ONNX Runtime where the adapter is software, and says so', async () => {
  const device = await requestDevice()
  device.destroy()
  const { software, description } = device.adapter
  const said: string[] = []
  const chosen = await chooseEncoder('auto', (line) => said.push(line))
  if (software) {
    expect(chosen).toBe('onnx')
    expect(said).toEqual([expect.stringMatching(/^Encoding on the CPU by ONNX Runtime: .*software/)])
    expect(said[0]).toContain(description)
  } else expect([chosen, said]).toEqual(['webgpu', []])
})

test.each(['serve', 'backfill'])(
  '%s says in one line what to install where ONNX Runtime is missing',
  async (command) => {
    const directory = temporaryDirectory()
    const hide = join(directory, 'hide.cjs')
    writeFileSync(
      hide,
      `const Module = require('node:module')
    const resolve = Module._resolveFilename
    Module._resolveFilename = (name, ...rest) => {
      if (name === 'onnxruntime-node') throw new Error('hidden')
      return resolve(name, ...rest)
    }`,
    )
    const args = [command, '--model', 'model', '--store', 'lmdb:store', '--encoder', 'onnx']
    const child = new Child(['--require', hide, ...worker], args, directory)
    expect({ code: await child.exited, stderr: child.stderr }).toEqual({
      code: 1,
      stderr: 'headwater: --encoder onnx needs ONNX Runtime: install it by `npm install onnxruntime-node@1`.\n',
    })
  },
)
