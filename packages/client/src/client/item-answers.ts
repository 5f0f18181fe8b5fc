/** Answers about item vectors. N items, B buckets, U = width of a vector, H heads. */
import { halvesToFloats } from '@headwater/binary16'
import { arrayAt } from '../codec/binary.ts'
import { fieldOf, invalid, kindOf, listAt, objectAt } from '../codec/shape.ts'
import type { Message } from '../schemas/building.ts'
import type { ItemsAnswer, ItemTable } from '../schemas/messages.ts'

/** Vectors [N, U] in the order of the request's items; see the schema. */
export interface AnsweredItems extends Omit<Message<typeof ItemsAnswer>, 'encoding'> {}

const aboutFields = ['model', 'snapshot', 'frame', 'servedSnapshot', 'servedFrame', 'layout', 'vectors']
type About = Omit<AnsweredItems, 'vectors'>

/** @throws WireError where it is no answer to a request of `items` rows */
export function parseItems(body: unknown, items: number): AnsweredItems {
  const answer = objectAt(body, 'the answer', [...aboutFields, 'encoding'])
  const about = aboutOf(answer)
  const [encoding, values] = [fieldOf(answer, 'encoding'), fieldOf(answer, 'vectors')]
  const count = items * about.layout.width
  if (encoding === 'f32') return { ...about, vectors: arrayAt(values, 'vectors', Float32Array, count) }
  if (encoding === 'f16') return { ...about, vectors: halvesToFloats(arrayAt(values, 'vectors', Uint16Array, count)) }
  throw invalid('encoding', 'is neither "f32" nor "f16"')
}

/** @throws WireError where it is none */
export function parseItemTable(body: unknown): ItemTable {
  const answer = objectAt(body, 'the answer', [...aboutFields, 'buckets', 'digest'])
  const about = aboutOf(answer)
  const buckets = wholeAt(answer, 'buckets', 'buckets')
  const vectors = arrayAt(fieldOf(answer, 'vectors'), 'vectors', Float32Array, buckets * about.layout.width)
  return { ...about, buckets, digest: textAt(answer, 'digest'), vectors }
}

type Fields = Readonly<Record<string, unknown>>

function aboutOf(answer: Fields): About {
  const whole = (name: string) => wholeAt(answer, name, name)
  const layout = objectAt(fieldOf(answer, 'layout'), 'layout', ['learnt', 'width', 'heads'])
  const heads = listAt(fieldOf(layout, 'heads'), 'layout.heads', 256).map((value, h) => {
    const where = `layout.heads[${h}]`
    const head = objectAt(value, where, ['coefficients', 'intercept'])
    const at = (name: string) => wholeAt(head, name, `${where}.${name}`)
    return { coefficients: at('coefficients'), intercept: at('intercept') }
  })
  return {
    model: textAt(answer, 'model'),
    snapshot: whole('snapshot'),
    frame: whole('frame'),
    servedSnapshot: whole('servedSnapshot'),
    servedFrame: whole('servedFrame'),
    layout: {
      learnt: wholeAt(layout, 'learnt', 'layout.learnt'),
      width: wholeAt(layout, 'width', 'layout.width'),
      heads,
    },
  }
}

function wholeAt(object: Fields, name: string, where: string): number {
  const value = fieldOf(object, name)
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value
  throw invalid(where, 'is no whole number')
}

function textAt(object: Fields, name: string): string {
  const value = fieldOf(object, name)
  if (typeof value === 'string') return value
  throw invalid(name, `is ${kindOf(value)}`)
}
