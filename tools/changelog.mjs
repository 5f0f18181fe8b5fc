/** Areas of which a user of the packages sees nothing. */
const ours = new Set(['bench', 'ci', 'docs', 'testkit', 'tests', 'tools'])

/**
 * A version's section of the changelog: a line for each commit that changed what ships, by the areas that its subject names.
 * @param {string} version
 * @param {string} date as in 2026-12-02
 * @param {readonly string[]} subjects of commits, `area, area: what`
 */
export function changelogSection(version, date, subjects) {
  const lines = subjects.flatMap((subject) => {
    const [, named, what] = /^([a-z0-9, -]+): (.+)$/.exec(subject) ?? []
    const areas = named?.split(/, */) ?? []
    return areas.some((area) => !ours.has(area)) ? [`- **${areas.join(', ')}**: ${what}`] : []
  })
  return [`## ${version}, ${date}`, '', ...lines.sort(), ''].join('\n')
}
