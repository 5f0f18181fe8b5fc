import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { inWorkspace } from './workspace.mjs'

/** Packages of npm by their folder in `packages`, where one of Python is too. */
export const npmPackages = () =>
  readdirSync(inWorkspace('packages')).filter((name) => existsSync(inWorkspace(`packages/${name}/package.json`)))

/**
 * Files of a package, by their path in it: all but those that git ignores and those that .gitattributes says are generated.
 * @param {string} name
 */
export function filesOf(name) {
  const cwd = inWorkspace(`packages/${name}`)
  const asked = ['--cached', '--others', '--exclude-standard', '.', ':(exclude,attr:linguist-generated)']
  const listed = execFileSync('git', ['ls-files', ...asked], { cwd, encoding: 'utf8' }).split('\n')
  return listed.filter((path) => path !== '' && existsSync(join(cwd, path)))
}

export const isSource = (/** @type {string} */ path) => /\.[cm]?[jt]s$/.test(path)

/** What does not ship: tests and what only they import. */
export const isTest = (/** @type {string} */ path) => /(^|\/)test(ing|s)\/|\.test\.ts$/.test(path)
