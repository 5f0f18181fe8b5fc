// The changelog that `nx release` writes: nx.json names this file. CommonJS, as Nx loads it by `require`.
const { default: DefaultChangelogRenderer } = require('nx/release/changelog-renderer')

/**
 * Nx reads the commits since the last release, and of a subject `area: what` it takes the area for the type of a conventional commit. Those
 * that nx.json lists reach the renderer; `__INVALID__` are subjects that begin otherwise, with several areas for instance.
 */
module.exports = class SubjectsRenderer extends DefaultChangelogRenderer {
  /** @override */
  async render() {
    const { changelogSection } = await import('./changelog.mjs')
    const subjects = this.changes.map(({ type, description }) =>
      type === '__INVALID__' || type === 'revert' ? description : `${type}: ${description}`,
    )
    return changelogSection(this.changelogEntryVersion, new Date().toISOString().slice(0, 10), subjects)
  }
}
