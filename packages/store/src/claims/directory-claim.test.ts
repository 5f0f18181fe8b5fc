import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { Child } from '../../testing/child.ts'
import { claimDirectory, claimName } from './directory-claim.ts'

/** A claim that is there. */
function held(claim: (() => void) | number): () => void {
  if (typeof claim === 'number') throw new Error(`process ${claim} has the directory`)
  return claim
}

it('has one holder at a time, and goes to the next once it is given back', () => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, '.writer'), 'of something else')
  const release = held(claimDirectory(directory))
  expect(claimDirectory(directory)).toBe(process.pid)
  release()
  expect(readdirSync(directory)).toEqual(['.writer'])
  held(claimDirectory(directory))()
  expect(() => claimDirectory(join(directory, 'none'))).toThrow(/ENOENT/)
})

it('is over with its process, whoever has its number now', () => {
  const own = claimName(process.pid)
  const [, pid, startedAt, ...boot] = own.slice(1).split('-')
  const ended = spawnSync(process.execPath, ['-e', '']).pid
  const directory = temporaryDirectory()
  const claims = [
    `.writer-${ended}-${startedAt}-${boot.join('-')}`,
    // This process's parent lives, but began at another time, or at another boot.
    `.writer-${process.ppid}-${startedAt}1-${boot.join('-')}`,
    `.writer-${pid}-${startedAt}-an-earlier-boot`,
  ]
  for (const name of claims) writeFileSync(join(directory, name), '')
  const release = held(claimDirectory(directory))
  expect(readdirSync(directory)).toEqual([own])
  release()
})

it('lets one process in at a time, however many find the claim of one that has ended', async () => {
  const directory = temporaryDirectory()
  const children = ['1', '2', '3'].map((name) => new Child('directory-claimer.ts', [directory, '400', name]))
  for (const child of children) expect(await child.line()).toBe('ready')
  const counts = (await Promise.all(children.map((child) => child.ask('go')))).map((line) => JSON.parse(line))
  expect(counts.map(({ met }) => met)).toEqual([0, 0, 0])
  expect(counts.every(({ entered }) => entered > 0)).toBe(true)
  expect(readdirSync(directory).filter((name) => !name.startsWith('.writer-4194304-'))).toEqual([])
})
