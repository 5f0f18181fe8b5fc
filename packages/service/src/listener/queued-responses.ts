import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** By connection: responses that began behind another one. */
const queued = new WeakMap<Socket, Set<ServerResponse>>()

/**
 * Has a response that waits for one before it close with its connection. Node closes the one whose turn it is and forgets the
 * others, so that a listener for their end would wait for ever.
 */
export function closeWithConnection(response: ServerResponse, connection: Socket): void {
  const responses = queued.get(connection) ?? watch(connection)
  responses.add(response)
  response.on('close', () => responses.delete(response))
}

function watch(connection: Socket): Set<ServerResponse> {
  const responses = new Set<ServerResponse>()
  queued.set(connection, responses)
  connection.on('close', () => {
    // For one that has the connection Node does so.
    for (const response of responses) if (response.socket === null) response.emit('close')
  })
  return responses
}
