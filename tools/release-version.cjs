// The versions that `nx release` writes: nx.json names this file. CommonJS, as Nx loads it by `require`.
const { VersionActions } = require('nx/release')

/** @typedef {Parameters<VersionActions['init']>[0]} Tree */

const lockFile = 'package-lock.json'
const pythonManifest = 'packages/python/pyproject.toml'

/**
 * One version for all: it goes into a project's manifest, and to wherever that names a package of ours. The root's project writes what is
 * of no npm project too: the manifests of the examples and of Python's package, and the lock file, so that npm need not be asked.
 */
module.exports = class WorkspaceVersion extends VersionActions {
  validManifestFilenames = ['package.json']

  /** @override @param {Tree} tree */
  async init(tree) {
    await super.init(tree)
    if (!this.isRoot()) return
    for (const example of tree.children('examples')) {
      const manifestPath = `examples/${example}/package.json`
      if (tree.exists(manifestPath))
        this.manifestsToUpdate.push({ manifestPath, preserveLocalDependencyProtocols: true })
    }
  }

  /** @param {Tree} tree */
  async readCurrentVersionFromSourceManifest(tree) {
    const [{ manifestPath }] = this.manifestsToUpdate
    return { currentVersion: readJson(tree, manifestPath).version, manifestPath }
  }

  async readCurrentVersionFromRegistry() {
    return null
  }

  /** None: references follow with the version, whatever the graph says. */
  async readCurrentVersionOfDependency() {
    return { currentVersion: null, dependencyCollection: null }
  }

  async updateProjectDependencies() {
    return []
  }

  /** @param {Tree} tree @param {string} version */
  async updateProjectVersion(tree, version) {
    const { ownNames, withVersion } = await import('./manifests.mjs')
    const own = ownNames()
    const paths = this.manifestsToUpdate.map(({ manifestPath }) => manifestPath)
    for (const path of paths) writeJson(tree, path, withVersion(readJson(tree, path), version, own))
    if (!this.isRoot()) return paths.map((path) => `${version} in ${path}`)

    const lock = readJson(tree, lockFile)
    const ours = Object.entries(lock.packages).filter(([path]) => !/(^|\/)node_modules\//.test(path))
    const written = ours.map(([path, entry]) => [path, withVersion(entry, version, own)])
    writeJson(tree, lockFile, { ...lock, version, packages: { ...lock.packages, ...Object.fromEntries(written) } })
    const python = readText(tree, pythonManifest)
    tree.write(pythonManifest, python.replace(/^version = ".*"$/m, `version = "${version}"`))
    return [...paths, lockFile, pythonManifest].map((path) => `${version} in ${path}`)
  }

  isRoot() {
    return this.projectGraphNode.data.root === '.'
  }
}

/** @param {Tree} tree @param {string} path */
function readText(tree, path) {
  const text = tree.read(path, 'utf8')
  if (text === null) throw new RangeError(`A release needs ${path}, which is not there.`)
  return text
}

/** @param {Tree} tree @param {string} path */
const readJson = (tree, path) => JSON.parse(readText(tree, path))

/** @param {Tree} tree @param {string} path @param {unknown} value */
const writeJson = (tree, path, value) => tree.write(path, `${JSON.stringify(value, null, 2)}\n`)
