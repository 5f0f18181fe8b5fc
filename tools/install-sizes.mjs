// `npx nx run tools:install-sizes`: what each entry installs in an empty folder on this platform, as the table of docs/setup.md, which it
// brings up to date.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installPacked } from './install-packed.mjs'
import { packPackages } from './pack.mjs'
import { runProgram } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

/** Where others begin, and for what. */
const entries = {
  '@headwater/client': 'a caller of a service',
  '@headwater/runtime': 'a tower in your process',
  '@headwater/pooling': 'store and reads in your process, without a tower',
  '@headwater/encoder': 'both, the tower in a process of its own',
  '@headwater/service': 'reads over HTTP, without a tower',
  headwater: 'the command, and all of the above',
}
/** Bytes that the client may take. */
const clientBytes = 3e6

const place = mkdtempSync(join(tmpdir(), 'headwater-install-sizes-'))
try {
  const tarballs = await packPackages(join(place, 'packed'), Object.keys(entries))
  const rows = []
  for (const [i, [name, what]] of Object.entries(entries).entries()) {
    const directory = join(place, String(i))
    await installPacked(directory, tarballs, [name])
    const { packages } = JSON.parse(readFileSync(join(directory, 'node_modules/.package-lock.json'), 'utf8'))
    const bytes = Object.keys(packages).map((path) => /** @type {const} */ ([path, sizeOf(join(directory, path))]))
    // A package inside another is counted with that one.
    const outermost = bytes.filter(([path]) => path.lastIndexOf('node_modules/') === 0)
    const total = outermost.reduce((sum, [, size]) => sum + size, 0)
    const large = outermost.filter(([, size]) => size > 5e6).sort(([, a], [, b]) => b - a)
    const parts = large.map(([path, size]) => `\`${path.slice('node_modules/'.length)}\` ${megabytes(size)}`)
    rows.push(`| \`${name}\` | ${what} | ${bytes.length} | ${megabytes(total)} | ${parts.join(', ')} |`)
    if (name === '@headwater/client' && total > clientBytes)
      throw new Error(`@headwater/client installs ${megabytes(total)} MB, more than ${clientBytes / 1e6}.`)
    rmSync(directory, { recursive: true })
  }
  const table = `| install | for | packages | MB | of that, MB |\n| --- | --- | ---: | ---: | --- |\n${rows.join('\n')}`
  const where = `By \`npx nx run tools:install-sizes\` on ${process.platform}-${process.arch}.`
  process.stdout.write(`${table}\n\n${where}\n`)
  const page = inWorkspace('docs/setup.md')
  const text = readFileSync(page, 'utf8')
  const [before, , after] = text.split(
    /(?<=<!-- generated: install sizes -->\n)([\s\S]*)(?=<!-- end of install sizes -->)/,
  )
  writeFileSync(page, `${before}\n${table}\n\n${where}\n\n${after}`)
  // Which pads the table.
  await runProgram(process.execPath, [inWorkspace('node_modules/@biomejs/biome/bin/biome'), 'format', '--write', page])
} finally {
  rmSync(place, { recursive: true, force: true })
}

/** Bytes of all files in a folder. @param {string} path @returns {number} */
function sizeOf(path) {
  const files = readdirSync(path, { withFileTypes: true, recursive: true })
  return files.reduce((sum, file) => sum + (file.isFile() ? statSync(join(file.parentPath, file.name)).size : 0), 0)
}

/** @param {number} bytes */
function megabytes(bytes) {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)
}
