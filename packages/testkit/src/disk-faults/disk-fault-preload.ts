/**
 * Loaded with `--import` before a program: counts its renames and syncs, and at one of them kills the process, fills or slows the disk, or
 * sets the clock. What native code does (LMDB's own syncs) goes by it.
 */
import fs, { type PathLike } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { setTimeout as wait } from 'node:timers/promises'
import type { DiskFault } from './disk-fault.ts'

const { log, ...fault }: { log: string } & Partial<DiskFault> = JSON.parse(process.env.HEADWATER_DISK_FAULT!)
const { writeSync } = fs
const logFile = fs.openSync(log, 'a')
let calls = 0
let isFull = false
let isSlow = false
const slowMs = 200

const fullError = (call: string) =>
  Object.assign(new Error(`ENOSPC: no space left on device, ${call}`), { code: 'ENOSPC', errno: -28, syscall: call })

function block(ms?: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function die(): void {
  process.kill(process.pid, 'SIGKILL')
  // The signal comes at once, and nothing may come before it.
  block()
}

/** @returns whether to die behind the call @throws Error where the disk is full */
function begin(call: string, about: string): boolean {
  calls++
  writeSync(logFile, `${call} ${about}\n`)
  const isIt = calls === fault.at
  if (isIt && fault.kind === 'kill before') die()
  if (isIt && fault.kind === 'full disk') isFull = true
  if (isIt && fault.kind === 'slow disk') isSlow = true
  if (isIt && fault.clockMs !== undefined) jump(fault.clockMs)
  if (isFull) throw fullError(call)
  return isIt && fault.kind === 'kill behind'
}

function jump(byMs: number): void {
  const RealDate = Date
  const now = () => RealDate.now() + byMs
  globalThis.Date = class extends RealDate {
    constructor(...given: []) {
      super(...(given.length === 0 ? ([now()] as unknown as []) : given))
    }
    static override now = now
  } as DateConstructor
}

type Path = PathLike | FileHandle | number
const nameOf = (path: Path) => (typeof path === 'number' || typeof path === 'object' ? '' : String(path))

/** Paths of what is open, by the number: a sync names none. */
const opened = new Map<number, string>()

function wrapSync(object: object, name: string, call: string): void {
  const real = Reflect.get(object, name)
  Reflect.set(object, name, (first: Path, ...rest: unknown[]) => {
    const dies = begin(
      call,
      typeof first === 'number' ? (opened.get(first) ?? '') : [first, ...rest].map(String).join(' '),
    )
    if (isSlow) block(slowMs)
    const result = real(first, ...rest)
    if (dies) die()
    return result
  })
}

function wrapAsync(object: object, name: string, call: string): void {
  const real = Reflect.get(object, name)
  Reflect.set(object, name, async function (this: FileHandle, ...args: Path[]) {
    const dies = begin(call, args.length === 0 ? (opened.get(this.fd) ?? '') : args.map(nameOf).join(' '))
    if (isSlow) await wait(slowMs)
    const result = await Reflect.apply(real, this, args)
    if (dies) die()
    return result
  })
}

/** Writes are not counted, but fail where the disk is full. */
function wrapWrite(object: object, name: string, isAsync: boolean): void {
  const real = Reflect.get(object, name)
  Reflect.set(object, name, function (this: unknown, ...args: unknown[]) {
    // Not what is printed, nor the log above.
    const isPrinted = args[0] === 1 || args[0] === 2
    if (isFull && !isPrinted) {
      if (isAsync) return Promise.reject(fullError(name))
      throw fullError(name)
    }
    return Reflect.apply(real, this, args)
  })
}

const { openSync } = fs
fs.openSync = (path, ...rest) => {
  const file = Reflect.apply(openSync, fs, [path, ...rest])
  opened.set(file, String(path))
  return file
}
const openAsync = fs.promises.open
fs.promises.open = async (path, ...rest) => {
  const file = await openAsync(path, ...rest)
  opened.set(file.fd, String(path))
  return file
}
const handle = await open(process.execPath)
const prototype = Object.getPrototypeOf(handle)
await handle.close()
wrapSync(fs, 'renameSync', 'rename')
wrapSync(fs, 'fsyncSync', 'fsync')
wrapSync(fs, 'fdatasyncSync', 'fdatasync')
wrapAsync(fs.promises, 'rename', 'rename')
wrapAsync(prototype, 'sync', 'fsync')
wrapAsync(prototype, 'datasync', 'fdatasync')
for (const name of ['writeSync', 'writeFileSync', 'appendFileSync', 'mkdirSync']) wrapWrite(fs, name, false)
for (const name of ['writeFile', 'appendFile', 'mkdir']) wrapWrite(fs.promises, name, true)
for (const name of ['write', 'writev', 'writeFile', 'appendFile']) wrapWrite(prototype, name, true)
syncBuiltinESMExports()
