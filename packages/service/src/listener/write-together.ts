import { Socket } from 'node:net'

/** Up to which size Node hands text to the system without memory of its own for it. */
const mostCharacters = 16_384

interface Written {
  readonly chunk: Buffer | string
  readonly encoding: BufferEncoding
}

/**
 * Has a connection send as one text what is written to it at once. Head, body and end of an answer are three pieces to Node,
 * and a list of pieces takes it longer than to join small ones.
 */
export function writeTogether(connection: Socket): void {
  connection._writev = write
}

function write(this: Socket, pieces: Written[], done: (error?: Error | null) => void): void {
  const text = joined(pieces)
  if (text === null) Socket.prototype._writev!.call(this, pieces, done)
  else this._write(text, 'latin1', done)
}

/** A character for each byte; null where they are too many, or text that may have several bytes a character. */
function joined(pieces: readonly Written[]): string | null {
  let text = ''
  for (const { chunk, encoding } of pieces) {
    if (text.length + chunk.length > mostCharacters) return null
    if (typeof chunk !== 'string') text += chunk.toString('latin1')
    else if (encoding === 'latin1' || chunk === '') text += chunk
    else return null
  }
  return text
}
