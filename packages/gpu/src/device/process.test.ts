/** What only shows in a process of its own: the binding's life time, a driver's cache, and a machine without a driver. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

/** Compiles a kernel and runs it, with a driver's cache of compiled code at `cache`. */
const computeWith = (cache: string) =>
  run(
    `
    import { prepareDispatch, Program, requestDevice } from '@headwater/gpu'
    import { saxpy } from '../testing/saxpy.ts'
    const device = await requestDevice()
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const [x, y] = [Float32Array.of(1, 2), Float32Array.of(3, 4)].map((values) => {
      const buffer = device.buffer('values', 16, usage)
      device.gpuDevice.queue.writeBuffer(buffer, 0, values)
      return buffer
    })
    const program = new Program(device, [prepareDispatch(device, saxpy, { N: 2, a: 1 }, { x, y })], 'one')
    await program.warm()
    program.submit()
    console.log('computed', new Float32Array(await device.read(y, 8)).join())`,
    { MESA_SHADER_CACHE_DIR: cache, __GL_SHADER_DISK_CACHE_PATH: cache },
  )

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

  it('kernels run where the driver cannot write its cache, and where what it wrote is damaged', async () => {
    const home = mkdtempSync(join(tmpdir(), 'headwater-test-'))
    const [filled, file] = [join(home, 'filled'), join(home, 'file')]
    try {
      mkdirSync(filled)
      const outcomes = [await computeWith(filled)]
      for (const name of readdirSync(filled, { recursive: true, encoding: 'utf8' })) {
        const path = join(filled, name)
        const { size } = statSync(path)
        if (!statSync(path).isDirectory()) writeFileSync(path, Buffer.alloc(size, 'damaged '))
      }
      writeFileSync(file, '')
      outcomes.push(...(await Promise.all([computeWith(filled), computeWith(join(file, 'cache'))])))
      for (const { code, output } of outcomes) {
        expect(output).toMatch(/^computed 4,6$/m)
        expect(code).toBe(0)
      }
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
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
