/** The first difference between two values as JSON holds them, as a path and both values; null where there is none. */
export function firstDifference(before: unknown, now: unknown, path = ''): string | null {
  if (isObject(before) && isObject(now)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
      const difference = firstDifference(before[key], now[key], path === '' ? key : `${path}.${key}`)
      if (difference !== null) return difference
    }
    return null
  }
  const [a, b] = [before, now].map((value) => JSON.stringify(value) ?? 'nothing')
  return a === b ? null : `${path} was ${shortened(a)} and is ${shortened(b)}`
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const shortened = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}…` : text)
