import { expect } from 'vitest'
import { tokenOf } from './http-service.ts'

export interface Scrape {
  /** By name. */
  readonly types: ReadonlyMap<string, string>
  /** By name and labels as they are written. */
  readonly samples: ReadonlyMap<string, number>
}

/** Prometheus' text format: every sample belongs to the family before it, every line is understood. */
function parse(text: string): Scrape {
  const types = new Map<string, string>()
  const samples = new Map<string, number>()
  let family = ''
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line)
    if (type !== null) {
      family = type[1]
      expect(types.has(family), family).toBe(false)
      types.set(family, type[2])
      continue
    }
    const sample = /^([a-z_]\w*)(\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? (\S+)$/.exec(line)
    expect(sample, line).not.toBeNull()
    const [, name, labels = '', value] = sample!
    expect(name.replace(types.get(family) === 'histogram' ? /_(bucket|sum|count)$/ : /$^/, ''), line).toBe(family)
    expect(samples.has(name + labels), line).toBe(false)
    samples.set(name + labels, value === 'Nan' ? Number.NaN : Number(value))
  }
  return { types, samples }
}

/** `/metrics` of a service that listens. */
export async function scrape(url: string): Promise<Scrape> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${tokenOf.boss}` } })
  expect(response.headers.get('content-type')).toContain('text/plain')
  return parse(await response.text())
}
