// `node tools/publish.mjs PACKAGE`: a package's part of `nx release publish`, once it is built. Packs it, without the condition of the
// sources, and sends the tarball. In a dry run it says what would be sent.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runNpm } from './dependencies.mjs'
import { packBuilt } from './pack.mjs'
import { publicPackages } from './public-packages.mjs'
import { lastWords } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

const [folder, ...options] = process.argv.slice(2)
const manifest = publicPackages().get(folder)
if (!manifest) throw new RangeError(`"${folder}" is no public package: name one by its folder in packages.`)
const { name, version } = manifest
// Nx sets the variable for all that it starts; the option is there where the target was started by itself.
const isDryRun = process.env.NX_DRY_RUN === 'true' || options.some((option) => /^--dry-?run/i.test(option))
/** Those of `nx release publish` that npm has too. */
const passed = options.filter((option) => /^--(access|otp|registry|tag)=/.test(option))

const place = mkdtempSync(join(tmpdir(), 'headwater-publish-'))
try {
  if (!isDryRun) requireTagged()
  if (!isDryRun && (await isPublished())) {
    process.stdout.write(`${name}@${version} is published already.\n`)
  } else {
    const tarballs = await packBuilt(place, [[folder, manifest]])
    const words = ['publish', ...tarballs.values(), '--json', '--access=public', ...passed]
    const outcome = await runNpm(isDryRun ? [...words, '--dry-run'] : words, place)
    if (outcome.code !== 0) throw new Error(`npm publish of ${name} failed.\n${lastWords(outcome)}`)
    const sent = JSON.parse(outcome.stdout)
    const { entryCount, size } = sent[name] ?? sent
    const said = `${name}@${version}: ${entryCount} files, ${(size / 1e3).toFixed(0)} kB`
    process.stdout.write(`${said}${isDryRun ? ', not sent in a dry run' : ''}\n`)
  }
} finally {
  rmSync(place, { recursive: true, force: true })
}

/** What is published is what the version's tag names. */
function requireTagged() {
  /** @param {readonly string[]} words */
  const git = (...words) => execFileSync('git', words, { cwd: inWorkspace('.'), encoding: 'utf8' }).trim()
  if (git('status', '--porcelain') !== '')
    throw new RangeError('There are changes that are not committed: commit them, or put them away, and publish again.')
  if (!git('tag', '--points-at', 'HEAD').split('\n').includes(`v${version}`))
    throw new RangeError(
      `The tag v${version} is not at this commit: npx nx release ${version} makes it, or check it out.`,
    )
}

/** Whether it was sent before others of the release failed. */
async function isPublished() {
  const registry = passed.filter((option) => option.startsWith('--registry='))
  const { stdout } = await runNpm(['view', `${name}@${version}`, 'version', '--prefer-online', ...registry], place)
  return stdout.trim() === version
}
