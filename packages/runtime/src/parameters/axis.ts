/**
 * What stands along one side of a tensor, by names that stay when features are added: so the numbers of an older tower find
 * their places in a newer one.
 */

/** As many neighbouring rows or columns belong to one thing. */
export interface AxisPart {
  readonly name: string
  readonly size: number
}

/** A count where no feature has a say in what stands there. */
export type Axis = number | readonly AxisPart[]

/** `size` neighbours each. */
export const named = (names: readonly string[], size = 1): Axis => names.map((name) => ({ name, size }))

/** Numbers that are there to fill a vec4; there may be more or fewer of them when a feature is added. */
export const padding = (size: number): readonly AxisPart[] => (size > 0 ? [{ name: paddingName, size }] : [])
const paddingName = 'padding'

export const lengthOf = (axis: Axis): number =>
  typeof axis === 'number' ? axis : axis.reduce((sum, { size }) => sum + size, 0)

/**
 * @returns the old place of each new row or column, −1 for a new one; null where they cannot be told apart, or an old one
 * has no place
 */
export function placesOf(before: Axis, after: Axis): Int32Array | null {
  if (typeof before === 'number' || typeof after === 'number')
    return before === after ? Int32Array.from({ length: lengthOf(after) }, (_, i) => i) : null
  const old = new Map<string, { first: number; size: number }>()
  let first = 0
  for (const { name, size } of before) {
    old.set(name, { first, size })
    first += size
  }
  const places: number[] = []
  for (const { name, size } of after) {
    const part = old.get(name)
    if (part && part.size !== size && name !== paddingName) return null
    for (let i = 0; i < size; i++) places.push(part && i < part.size ? part.first + i : -1)
    old.delete(name)
  }
  old.delete(paddingName)
  return old.size > 0 ? null : Int32Array.from(places)
}
