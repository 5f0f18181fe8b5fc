import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folders of this package that only read what arms came to, or say which ones there are. */
export const reading: ReadonlySet<string> = new Set(['analysis', 'experiments', 'power', 'report', 'run', 'testing'])

let known: string | undefined

/**
 * Hash of the code that arms are made by, as it lies there: whatever is changed in it, nothing older is taken for its result.
 * @throws what the file system throws
 */
export function codeVersion(): string {
  known ??= hashOf(import.meta.url)
  return known
}

function hashOf(own: string): string {
  const hash = createHash('sha256')
  // `src` in a checkout, `dist` where it was built: all packages alike.
  const [, base, kind] = /^(.*)\/(src|dist)\/lab\/cache\/[^/]+$/.exec(fileURLToPath(own))!
  const { dependencies } = JSON.parse(readFileSync(join(base, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const workspace = Object.keys(dependencies).filter((name) => name.startsWith('@headwater/'))
  const others = workspace.map((name) => {
    const entry = fileURLToPath(import.meta.resolve(name))
    return join(dirname(dirname(entry)), kind)
  })
  for (const directory of [join(base, kind), ...others]) addFolder(hash, directory)
  return hash.digest('hex').slice(0, 24)
}

function addFolder(hash: ReturnType<typeof createHash>, directory: string): void {
  const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(
    (path) => isCode(path) && !path.split(sep).some((folder) => reading.has(folder)),
  )
  for (const path of paths.sort())
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(directory, path)))
      .update('\0')
}

const isCode = (name: string) => /\.(ts|js)$/.test(name) && !/\.(test|d)\.(ts|js)$/.test(name)
