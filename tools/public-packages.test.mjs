// What is packed of each package, without packing it; `npx nx run tools:pack-check` installs and runs it.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packedManifest, packedReadme, publicPackages, withDependencies } from './public-packages.mjs'
import { inWorkspace } from './workspace.mjs'

const packages = publicPackages()
const root = JSON.parse(readFileSync(inWorkspace('package.json'), 'utf8'))

/** Paths in `exports` or `imports`. @param {unknown} targets @returns {string[]} */
const pathsIn = (targets) =>
  typeof targets === 'string' ? [targets] : Object.values(targets ?? {}).flatMap((target) => pathsIn(target))

test.each([...packages])('%s is packed with what its exports name, and no source', (folder, manifest) => {
  const { exports, imports, bin, files = [] } = packedManifest(manifest)
  const paths = pathsIn([exports, imports, bin])
  expect(paths.length).toBeGreaterThan(0)
  for (const path of paths) {
    expect(files, path).toContain(path.split('/')[1])
    const built = /^\.\/dist\/(.*?)(\.d\.ts|\.js)$/.exec(path)
    expect(existsSync(inWorkspace(join('packages', folder, built ? `src/${built[1]}.ts` : path))), path).toBe(true)
  }
})

test.each([...packages])('%s says what it runs on', (_folder, manifest) => {
  expect(manifest).toMatchObject({ license: root.license, engines: root.engines, type: 'module' })
  expect(manifest).toHaveProperty('sideEffects')
})

test('sources and what only the checkout has are left out of a manifest', () => {
  const manifest = {
    name: '@headwater/some',
    version: '1.0.0',
    exports: {
      '.': { '@headwater/source': './src/a.ts', default: './dist/a.js' },
      './testing/*': { '@headwater/source': './testing/*.ts' },
    },
    devDependencies: { vitest: '1.0.0' },
    nx: {},
  }
  expect(packedManifest(manifest)).toEqual({
    name: '@headwater/some',
    version: '1.0.0',
    exports: { '.': { default: './dist/a.js' } },
  })
})

test('a README is packed without links out of its package', () => {
  expect(packedReadme('see [docs/http.md](../../docs/http.md#tls), [here](#here)')).toBe(
    'see docs/http.md, [here](#here)',
  )
})

test('a package comes with what it needs of the workspace', () => {
  expect([...withDependencies(packages, ['@headwater/client'])]).toEqual(['@headwater/client', '@headwater/binary16'])
  expect(() => withDependencies(packages, ['client'])).toThrow(/no public package/)
})

test.each([
  ['@headwater/client', ['webgpu', 'lmdb', 'fastify', '@duckdb/node-api', 'commander']],
  ['@headwater/runtime', ['lmdb', 'fastify', '@duckdb/node-api', 'commander']],
  ['@headwater/pooling', ['webgpu', 'fastify', '@duckdb/node-api', 'commander']],
  ['@headwater/encoder', ['fastify', '@duckdb/node-api', 'commander']],
  ['@headwater/service', ['webgpu', '@duckdb/node-api', 'commander']],
])('%s comes without %s', (name, others) => {
  const needed = withDependencies(packages, [name])
  const installed = [...packages.values()]
    .filter((manifest) => needed.has(manifest.name))
    .flatMap(({ dependencies = {} }) => Object.keys(dependencies))
  expect(installed.filter((each) => others.includes(each))).toEqual([])
})
