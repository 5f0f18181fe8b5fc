/** The description against the server itself: its routes, and its answers to the requests that the schemas describe. */

import { errorStatus } from '@headwater/client/wire'
import { Validator } from '@seriousme/openapi-schema-validator'
import Fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openService } from '../../testing/http-service.ts'
import { observeService } from '../../testing/observed-service.ts'
import { scopes } from '../access/tokens.ts'

// biome-ignore lint/suspicious/noExplicitAny: JSON
type Json = any

let service: Awaited<ReturnType<typeof openService>>
let document: Json
/** Fastify's own validator, told the schemas, and to mend nothing. */
const validator = Fastify({
  ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
})

beforeAll(async () => {
  service = await openService()
  document = (await service.server.inject('/openapi.json')).json()
  for (const [name, schema] of Object.entries<Json>(document.components.schemas)) {
    const named = JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', 'schema:'))
    validator.addSchema({ ...named, $id: `schema:${name}` })
  }
  for (const name of Object.keys(document.components.schemas)) {
    const body = { type: 'object', properties: { body: { $ref: `schema:${name}` } }, required: ['body'] }
    validator.post(`/${name}`, { schema: { body } }, async (request) => request.body)
  }
})
afterAll(async () => {
  await validator.close()
  await service.close()
})

/** Whether a value is as a schema says. */
async function fits(name: string, value: unknown): Promise<boolean> {
  const response = await validator.inject({ method: 'POST', url: `/${name}`, payload: { body: value } })
  return response.statusCode === 200
}

/** Routes as the server's router prints them: `method path`. */
function routesOf(): string[] {
  const routes: string[] = []
  const prefixes: string[] = []
  for (const line of service.server.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent, path, methods] = /^([│ ]*)[├└]── (\S*)(?: \((.*)\))?$/.exec(line) ?? []
    if (path === undefined) continue
    const depth = indent.length / 4
    prefixes[depth] = (prefixes[depth - 1] ?? '') + path
    prefixes.length = depth + 1
    for (const method of methods?.split(', ') ?? []) if (method !== 'HEAD') routes.push(`${method} ${prefixes[depth]}`)
  }
  return routes.sort()
}

describe('the description', () => {
  it('is OpenAPI 3.1 to a validator, which finds what is not', async () => {
    const validate = async (openapi: Json) => (await new Validator().validate(openapi)).valid
    expect(document.openapi).toMatch(/^3\.1\./)
    expect(await validate(structuredClone(document))).toBe(true)
    const { info: _, ...without } = structuredClone(document)
    expect(await validate(without)).toBe(false)
    const wrong = structuredClone(document)
    wrong.paths['/v1/events'].post.parameters = [{ name: 'id', in: 'nowhere' }]
    expect(await validate(wrong)).toBe(false)
  })

  it('has every route of the server, and no other', () => {
    const described = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    )
    expect(described.sort()).toEqual(routesOf())
    expect(described).toContain('DELETE /v1/users/:id')
  })

  it('refers to nothing that is not there, and every schema is used', () => {
    const text = JSON.stringify(document)
    const refs = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path)
    for (const path of refs) {
      const target = path.split('/').reduce((at: Json, part) => at?.[part], document)
      expect(target, path).toBeDefined()
    }
    for (const name of Object.keys(document.components.schemas)) {
      expect(refs).toContain(`components/schemas/${name}`)
    }
    const ids = Object.values<Json>(document.paths).flatMap((each) =>
      Object.values<Json>(each).map((one) => one.operationId),
    )
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('has the scope that the server wants of each route', async () => {
    for (const [path, methods] of Object.entries<Json>(document.paths)) {
      for (const [method, { security = [] }] of Object.entries<Json>(methods)) {
        const url = path.replace('{id}', 'u').replace('{model}', 'm')
        const response = await service.server.inject({ method: method.toUpperCase() as 'GET', url })
        expect(response.statusCode === 401, `${method} ${path}`).toBe(security.length > 0)
        for (const { bearer } of security) for (const scope of bearer) expect(scopes).toContain(scope)
        const isAdmins = method === 'delete' || /promote|rollback/.test(path)
        if (security.length > 0) expect(security[0].bearer.includes('admin'), path).toBe(isAdmins)
      }
    }
  })

  it('is not written anew for each who asks', async () => {
    const write = vi.spyOn(JSON, 'stringify')
    try {
      const answers = await Promise.all([1, 2, 3].map(() => service.server.inject('/openapi.json')))
      for (const { headers, body } of answers) {
        expect(headers['content-type']).toContain('application/json')
        expect(JSON.parse(body)).toEqual(document)
      }
      expect(write.mock.calls.filter(([value]) => value?.openapi !== undefined)).toEqual([])
    } finally {
      write.mockRestore()
    }
  })

  it('names every code of an error', () => {
    expect(document.components.schemas.ErrorAnswer.properties.error.properties.code.enum).toEqual(
      Object.keys(errorStatus),
    )
  })

  it('is true of requests and answers', async () => {
    const observed = await observeService()
    const ask = async (method: string, path: string, body?: object) => (await observed.ask(method, path, body)).body
    const event = { users: ['a'], items: ['i'], timesMs: [Date.now()], fields: { rating: [3] }, ids: ['e-1'] }
    expect(await fits('EventsRequest', event)).toBe(true)
    expect(await fits('AcceptedAnswer', await ask('POST', '/v1/events', event))).toBe(true)
    const features = { values: { country: 'NO', taste: [1, 2] }, timeMs: Date.now() }
    expect(await fits('FeaturesRequest', features)).toBe(true)
    expect(await fits('AcceptedAnswer', await ask('PUT', '/v1/users/a/features', features))).toBe(true)
    const read = { users: ['a', 'b'], models: ['m'], latest: true, encoding: 'f16', segments: ['NO', null] }
    expect(await fits('ReadRequest', read)).toBe(true)
    const answer = await ask('POST', '/v1/embeddings/read', read)
    expect(await fits('ReadAnswer', answer)).toBe(true)
    expect(await fits('ModelAnswer', answer.models[0])).toBe(true)
    expect(await fits('ModelsAnswer', await ask('GET', '/v1/models'))).toBe(true)
    observed.control.report = {
      snapshot: 4,
      rows: 9,
      cosineMean: 0.9,
      cosineP1: 0.5,
      normRatioMean: 1,
      sameFrame: true,
      panel: {
        users: 9,
        residual: 0.3,
        centredCosine: 0.95,
        varianceKept: 0.9,
        effectiveRank: 3,
        oldNorm: 13,
        newNorm: 14,
      },
    }
    const model = await ask('GET', '/v1/models/m')
    expect(model.snapshots).toHaveLength(3)
    expect(await fits('ModelSnapshots', model)).toBe(true)
    expect(await fits('ShadowReport', model.shadow)).toBe(true)
    observed.control.report = null
    expect(await fits('ModelSnapshots', await ask('GET', '/v1/models/m'))).toBe(true)
    expect(await fits('PromoteRequest', { snapshot: 4 })).toBe(true)
    expect(await fits('ServedSnapshot', await ask('POST', '/v1/models/m/promote', { snapshot: 4 }))).toBe(true)
    expect(await fits('ServedSnapshot', await ask('POST', '/v1/models/m/rollback'))).toBe(true)
    for (const label of [0, 1]) {
      const outcomes = {
        downstream: 'ctr',
        requests: [`r${label}`],
        users: ['a'],
        predictions: [0.25],
        labels: [label],
        timesMs: [1],
      }
      expect(await fits('OutcomesRequest', outcomes)).toBe(true)
      expect(await fits('OutcomesAnswer', await ask('POST', '/v1/outcomes', outcomes))).toBe(true)
    }
    expect(await fits('Receipt', await ask('DELETE', '/v1/users/a'))).toBe(true)
    expect(await fits('Status', await ask('GET', '/healthz'))).toBe(true)
    expect(await fits('Status', await ask('GET', '/readyz'))).toBe(true)
    observed.encoder.state = 'restarting'
    expect(await fits('Status', await ask('GET', '/readyz'))).toBe(true)
    expect(await fits('ErrorAnswer', await ask('GET', '/nowhere'))).toBe(true)
    // And the validator refuses.
    expect(await fits('ReadRequest', { users: [''], models: ['m'] })).toBe(false)
    expect(await fits('ReadRequest', { models: ['m'] })).toBe(false)
    expect(await fits('ReadAnswer', { ...answer, more: 1 })).toBe(false)
    expect(await fits('OutcomesRequest', { ...event, downstream: 'ctr' })).toBe(false)
    expect(await fits('ErrorAnswer', { error: { code: 'other', message: '' } })).toBe(false)
  })

  it('is true of item vectors', async () => {
    const layout = { learnt: 1, width: 1, heads: [{ coefficients: 1, intercept: 2 }] }
    const table = Float32Array.of(1, 2)
    const items = {
      ...{ snapshot: 3, frame: 1, servedSnapshot: 3, servedFrame: 1, layout, buckets: 2, digest: '0', table },
      read: () => table.slice(1),
      archive: () => new Uint8Array(),
    }
    const models = [{ name: 'm', dim: 3, items: { open: async () => items } }]
    const { ask } = await observeService({ models })
    const body = { items: ['i'], snapshot: 3, encoding: 'f16' }
    expect(await fits('ItemsRequest', body)).toBe(true)
    expect(await fits('ItemsAnswer', (await ask('POST', '/v1/models/m/items', body)).body)).toBe(true)
    expect(await fits('ItemTable', (await ask('GET', '/v1/models/m/items')).body)).toBe(true)
  })
})
