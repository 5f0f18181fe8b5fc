/** Run as a worker thread: encodes users' rows for a `RowWorkers`. */
import { parentPort, workerData } from 'node:worker_threads'
import { arraysOf } from '../batch/batch-arrays.ts'
import { compileFeatures } from '../space/feature-space.ts'
import { keepThreadTo, yieldThread } from './idle-thread.ts'
import type { RowReply, RowRequest, RowWorkerData } from './row-message.ts'

const { schema, isIdle, cpus } = workerData as RowWorkerData
if (isIdle) yieldThread()
if (cpus !== null) keepThreadTo(cpus)
const space = compileFeatures(schema)
const bytes = space.userStateBytes

function encode({ call, rows, states, nowMs }: RowRequest): RowReply {
  // Fresh memory: it moves to the caller, who keeps it.
  const batch = space.allocate('user', rows)
  let row = 0
  try {
    for (; row < rows; row++) {
      space.encodeUser(batch, row, states.subarray(row * bytes, (row + 1) * bytes), nowMs[row])
    }
  } catch (error) {
    return { call, states, nowMs, error: { row, message: String(error) } }
  }
  return { call, states, nowMs, batch }
}

const port = parentPort
if (port === null) throw new Error('this module is a worker thread; start it by createRowWorkers')
port.on('message', (request: RowRequest) => {
  const reply = encode(request)
  const moved = [reply.states, reply.nowMs, ...(reply.batch ? arraysOf(reply.batch) : [])].map(({ buffer }) => buffer)
  port.postMessage(reply, moved as ArrayBuffer[])
})
