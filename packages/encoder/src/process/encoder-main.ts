/**
 * Run as a process: encodes rows for an `EncoderProcess`, which holds the other end of the socket at descriptor 3. Its
 * argument is the URL of the module that it computes with. It ends when the other end is closed, and at the latest with the
 * process that holds it.
 */
import { Socket } from 'node:net'
import type { Compiling } from '@headwater/pooling'
import type { BackendTower, EncoderBackend } from './backend.ts'
import { batchFrom } from './batch-arrays.ts'
import { type Frame, FrameReader, writeFrame } from './frames.ts'
import { loadBackendTower } from './load-tower.ts'
import {
  type FailedMessage,
  fromPayload,
  type LoadedMessage,
  type LoadMessage,
  messageKind,
  toPayload,
} from './messages.ts'
import { lifelineFd, socketFd } from './module-process.ts'
import { endWithParent } from './parent-watch.ts'

// A terminal or a supervisor signals the whole group: who decides is the process that serves.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})

endWithParent(lifelineFd)

/**
 * A dozen megabytes of the heap live, and each refresh leaves some bytes of garbage behind. Left alone V8 first looks at it once
 * there are tens of megabytes of them, so that the process would seem to grow for hours; a collection takes some milliseconds.
 */
const collectEveryMs = 60_000
setInterval(() => globalThis.gc?.(), collectEveryMs).unref()

const towers = new Map<number, BackendTower>()
const readBytes = 2 ** 18

const reader = new FrameReader((frame) => void answer(frame))
const socket = new Socket({
  fd: socketFd,
  readable: true,
  writable: true,
  // One buffer for all reads: the frame reader copies out of it.
  onread: {
    buffer: Buffer.alloc(readBytes),
    callback: (bytes: number, buffer: Uint8Array) => {
      reader.push((buffer as Buffer).subarray(0, bytes))
      return true
    },
  },
} as ConstructorParameters<typeof Socket>[0])
socket.on('close', () => process.exit(0)).on('error', () => process.exit(0))

function fail(call: number, error: unknown, fatal: boolean): void {
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
  const told: FailedMessage = { name, message, fatal }
  writeFrame(socket, { kind: messageKind.failed, call, snapshot: 0, rows: 0 }, [toPayload(told)])
}

const isLost = (error: unknown) => (error as { code?: unknown } | null)?.code === 'device-lost'

let backend: EncoderBackend

async function answer(frame: Frame): Promise<void> {
  try {
    if (frame.kind === messageKind.load) await load(frame)
    else if (frame.kind === messageKind.encode) await encode(frame)
    else {
      const tower = towers.get(frame.snapshot)
      towers.delete(frame.snapshot)
      await tower?.dispose()
    }
  } catch (error) {
    fail(frame.call, error, isLost(error))
  }
}

async function load(frame: Frame): Promise<void> {
  const onCompile = (number: number, total: number) => {
    const told: Compiling = { number, total }
    writeFrame(socket, { ...frame, kind: messageKind.compiling }, [toPayload(told)])
  }
  const tower = await loadBackendTower(backend, fromPayload<LoadMessage>(frame).directory, onCompile)
  towers.set(frame.snapshot, tower)
  const { manifest, schema, dim } = tower
  const loaded: LoadedMessage = { manifest, schema, dim }
  writeFrame(socket, { ...frame, kind: messageKind.loaded }, [toPayload(loaded)])
}

async function encode(frame: Frame): Promise<void> {
  const tower = towers.get(frame.snapshot)
  if (tower === undefined) throw new Error(`no snapshot is loaded as ${frame.snapshot}`)
  const vectors = await tower.encode(batchFrom(tower.layout, frame.rows, frame.payload))
  writeFrame(socket, { ...frame, kind: messageKind.vectors }, [vectors])
}

try {
  ;({ backend } = (await import(process.argv[2])) as { backend: EncoderBackend })
  writeFrame(socket, { kind: messageKind.ready, call: 0, snapshot: 0, rows: 0 })
} catch (error) {
  fail(0, error, true)
}
