/** What only shows in a process of its own: the binding's life time, and a machine without a driver. */
import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'

async function run(
  program: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; output: string }> {
  const child = spawn(
    process.execPath,
    ['--conditions=@headwater/source', '--import', 'tsx', '--expose-gc', '--input-type=module', '--eval', program],
    // Nx asks for colors, which would stand between the words.
    { cwd: import.meta.dirname, env: { ...process.env, FORCE_COLOR: '0', ...environment } },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk
    })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output }
}

describe.concurrent('in a process of its own', () => {
  // Dawn aborts where its instance is collected under a living device.
  it('a device survives garbage collection, and both ways to exit are clean', async () => {
    for (const ending of ['', 'process.exit(0)']) {
      const { code, output } = await run(`
        import { requestDevice } from '@headwater/gpu'
        const device = await requestDevice()
        for (let i = 0; i < 5; i++) {
          globalThis.gc()
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
        const buffer = device.buffer('numbers', 16, GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST)
        device.gpuDevice.queue.writeBuffer(buffer, 0, Float32Array.of(42))
        console.log('read', new Float32Array(await device.read(buffer))[0])
        ${ending}`)
      expect(output).toContain('read 42')
      expect(code).toBe(0)
    }
  })

  it('a machine without a driver is told so, with what to do', async () => {
    const { code, output } = await run(
      `
      import { NoAdapterError, requestDevice } from '@headwater/gpu'
      const failure = await requestDevice().catch((error) => error)
      console.log(failure instanceof NoAdapterError, failure.code, failure.message)`,
      { VK_DRIVER_FILES: '/nonexistent' },
    )
    expect(output).toMatch(/true no-adapter .*npm run setup/)
    expect(code).toBe(0)
  })

  it('WGSL is checked by the null backend, which needs no driver', async () => {
    const { code, output } = await run(
      `
      import { requestDevice } from '@headwater/gpu'
      const device = await requestDevice({ dawn: ['backend=null'] })
      const { messages } = await device.gpuDevice.createShaderModule({ code: 'fn f() { let x = 1u + 1.5; }' }).getCompilationInfo()
      console.log(messages.length, messages[0].lineNum, messages[0].linePos)`,
      { VK_DRIVER_FILES: '/nonexistent' },
    )
    expect(output).toMatch(/1 1 \d+/)
    expect(code).toBe(0)
  })
})
