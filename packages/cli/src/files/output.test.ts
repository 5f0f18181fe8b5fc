import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { OutputError, openOutputDirectory, outputFile, writeOutputFiles } from './output.ts'

function folder() {
  const path = temporaryDirectory()
  writeFileSync(join(path, 'file'), '')
  mkdirSync(join(path, 'full', 'inner'), { recursive: true })
  mkdirSync(join(path, 'empty'))
  return path
}

describe('a directory for output', () => {
  test('is made with those above it, and taken back while nothing is in it', () => {
    const path = folder()
    const before = readdirSync(path)
    const unused = openOutputDirectory(join(path, 'a', 'b', 'c'))
    expect(readdirSync(join(path, 'a', 'b'))).toEqual(['c'])
    unused.release()
    expect(readdirSync(path)).toEqual(before)

    const used = openOutputDirectory(join(path, 'a', 'b', 'c'))
    writeFileSync(join(used.path, 'snapshot'), 'kept')
    used.release()
    expect(readFileSync(join(path, 'a', 'b', 'c', 'snapshot'), 'utf8')).toBe('kept')
  })

  test('that the user made stays', () => {
    const path = folder()
    openOutputDirectory(join(path, 'empty')).release()
    expect(readdirSync(path)).toContain('empty')
  })

  test('is a temporary one where none is named, and goes with all that is in it', () => {
    const temporary = temporaryDirectory()
    vi.stubEnv('TMPDIR', temporary)
    onTestFinished(() => void vi.unstubAllEnvs())
    const { path, release } = openOutputDirectory(undefined)
    writeFileSync(join(path, 'snapshot'), '')
    expect(readdirSync(temporary)).toHaveLength(1)
    release()
    expect(readdirSync(temporary)).toEqual([])
  })

  test.each([
    ['file', /^--out: .*\/file is a file; name a directory\.$/],
    ['file/inner', /^--out: .*\/file\/inner cannot be written \(ENOTDIR\); choose another place\.$/],
    ['full', /^--out: .*\/full is not empty; name a new directory, or empty it\.$/],
    // Nobody may write there, the superuser included.
    ['/proc/headwater', /^--out: \/proc\/headwater cannot be written \(\w+\); choose another place\.$/],
    ['/proc/headwater/inner', /^--out: \/proc\/headwater\/inner cannot be written \(\w+\); choose another place\.$/],
  ])('cannot be %s', (name, message) => {
    const path = folder()
    const before = readdirSync(path, { recursive: true })
    const open = () => openOutputDirectory(name.startsWith('/') ? name : join(path, name))
    expect(open).toThrow(OutputError)
    expect(open).toThrow(message)
    expect(readdirSync(path, { recursive: true })).toEqual(before)
  })
})

describe('a file for output', () => {
  test('may be new or there already', () => {
    const path = folder()
    for (const name of ['file', 'new']) outputFile('--json', join(path, name))
    expect(readdirSync(path)).not.toContain('new')
  })

  test.each([
    ['full', /^--json: .*\/full is a directory; name a file\.$/],
    ['nowhere/out.json', /^--json: there is no directory .*\/nowhere; make it first\.$/],
    ['file/out.json', /^--json: there is no directory .*\/file; make it first\.$/],
  ])('cannot be %s', (name, message) => {
    const path = folder()
    expect(() => outputFile('--json', join(path, name))).toThrow(message)
  })

  test('is written whole or left as it was', () => {
    const path = folder()
    writeOutputFiles(new Map([[join(path, 'file'), 'whole']]))
    expect(readFileSync(join(path, 'file'), 'utf8')).toBe('whole')
    expect(() => writeOutputFiles(new Map([[join(path, 'full'), 'text']]))).toThrow(OutputError)
    expect(() => writeOutputFiles(new Map([[join(path, 'nowhere', 'file'), 'text']]))).toThrow(
      /cannot be written \(ENOENT\)/,
    )
    expect(readdirSync(path).sort()).toEqual(['empty', 'file', 'full'])
  })
})
