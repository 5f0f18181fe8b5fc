/** Schemas of the messages. They need `typebox`, which the client itself does without. */
export * from './schemas/building.ts'
export type { ItemSource, ServedItems } from './schemas/item-source.ts'
export * as messages from './schemas/messages.ts'
export type { ModelControl } from './schemas/model-control.ts'
