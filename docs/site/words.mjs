// `npx nx run docs:words -- [--json FILE]`: words of prose by page. The guides of a commit long ago are summed, and what is new apart.
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { allPages } from '../../tools/pages.mjs'
import { inWorkspace } from '../../tools/workspace.mjs'
import { countWords } from './count-words.mjs'

/**
 * Pages of docs/ at commit b97c3d2 but those of figures, and their words then, counted in the same way:
 * `git show b97c3d2:docs/PAGE.md` of each.
 */
const before = {
  commit: 'b97c3d2',
  words: 33_401,
  guides: [
    'capacity',
    'cluster',
    'console',
    'evaluate',
    'http',
    'logs',
    'main-job',
    'model',
    'onnx',
    'ranking-models',
    'serve',
    'serving',
    'setup',
    'shell',
    'snapshots',
    'store',
    'stress',
    'training',
    'your-own-log',
  ],
}

const { values } = parseArgs({ options: { json: { type: 'string' } } })
const pages = allPages()
  .filter((path) => /^docs\/[^/]+\.md$/.test(path))
  .map((path) => {
    const name = path.slice('docs/'.length, -'.md'.length)
    const kind = before.guides.includes(name) ? 'guide' : isOfFigures(name) ? 'figures' : 'new'
    return { page: path, kind, words: countWords(readFileSync(inWorkspace(path), 'utf8')) }
  })
const sum = (/** @type {string} */ kind) =>
  pages.filter((page) => page.kind === kind).reduce((total, { words }) => total + words, 0)
const [guides, figures, added] = ['guide', 'figures', 'new'].map(sum)
const ratio = guides / before.words

console.table(pages)
process.stdout.write(
  `Guides that stood at ${before.commit}: ${guides} words, ${ratio.toFixed(3)} of the ${before.words} they had. New pages: ${added}. Pages of figures: ${figures}.\n`,
)
if (values.json) {
  const found = {
    commit: before.commit,
    wordsThen: before.words,
    words: guides,
    ratio,
    newWords: added,
    figuresWords: figures,
    pages,
  }
  writeFileSync(resolve(process.env.INIT_CWD ?? '.', values.json), `${JSON.stringify(found, null, 2)}\n`)
}

/** @param {string} name */
function isOfFigures(name) {
  return ['kernels', 'results', 'serving-figures'].includes(name)
}
