import type { JsonSchema } from '@headwater/runtime'
import type { SeededRandom } from '@headwater/statistics'

/** The keywords that the schemas of model configs use. */
interface Keywords {
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly type?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly multipleOf?: number
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
}

/** Steps that a whole number is over the least one, at most. */
const mostSteps = 5
const mostMoreItems = 4
/**
 * How far a number is over the least one, at most: of frequencies many times as large the float32 products with a value lose
 * digits that are compared.
 */
const largestStep = 10

/**
 * A value that a JSON Schema admits, of sizes near the least ones. Keys that may be left out are there in half of the cases.
 * @throws RangeError for a schema that says nothing of the value
 */
export function drawValue(schema: JsonSchema, random: SeededRandom): unknown {
  const rule: Keywords = schema
  const pick = <T>(choices: readonly T[]) => choices[random.nextBelow(choices.length)]
  if ('const' in rule) return rule.const
  if (rule.enum) return pick(rule.enum)
  const variants = rule.anyOf ?? rule.oneOf
  if (variants) return drawValue(pick(variants), random)
  const { minimum = 0, maximum = Number.POSITIVE_INFINITY, multipleOf = 1 } = rule
  switch (rule.type) {
    case 'null':
      return null
    case 'boolean':
      return random.nextBelow(2) === 1
    case 'integer': {
      const steps = Math.min(mostSteps, Math.floor((maximum - minimum) / multipleOf))
      return minimum + multipleOf * Math.floor((steps + 1) * random.nextFloat() ** 2)
    }
    case 'number':
      return minimum + Math.min(largestStep, maximum - minimum) * random.nextFloat() ** 2
    case 'array': {
      const { minItems = 0, maxItems = minItems + mostMoreItems, items = {} } = rule
      const count = minItems + random.nextBelow(Math.min(mostMoreItems, maxItems - minItems) + 1)
      // A list of things that have a kind has each kind once.
      const kinds = [...((items as Keywords).oneOf ?? [])]
      if (kinds.length > 0)
        return Array.from({ length: Math.min(count, kinds.length) }, () =>
          drawValue(kinds.splice(random.nextBelow(kinds.length), 1)[0], random),
        )
      return Array.from({ length: count }, () => drawValue(items, random))
    }
    case 'object': {
      const entries = Object.entries(rule.properties ?? {})
      const given = entries.filter(([key]) => rule.required?.includes(key) || random.nextBelow(2) === 1)
      return Object.fromEntries(given.map(([key, of]) => [key, drawValue(of, random)]))
    }
    default:
      throw new RangeError(`A value of ${JSON.stringify(schema)} cannot be drawn; teach drawValue its keywords.`)
  }
}
