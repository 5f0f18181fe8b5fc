import { answerTypeOf, type Format, packMessage } from '@headwater/client/wire'
import type { FastifyReply } from 'fastify'

/** Sends a message in a format. */
export function send(reply: FastifyReply, format: Format, message: unknown): FastifyReply {
  return reply
    .type(answerTypeOf[format])
    .send(format === 'json' ? JSON.stringify(message) : Buffer.from(packMessage(message)))
}
