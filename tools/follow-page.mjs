// `npx nx run tools:follow-page`: what docs/your-own-project.md says, word for word, in the folder around this checkout, which the page calls
// `headwater`. The web page of the last step is opened in Chromium. It needs `npm run setup -- --browser`, and leaves what the page leaves.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { tsImport } from 'tsx/esm/api'
import { withDriver } from '../packages/gpu/driver-environment.js'
import { environmentFile, inWorkspace } from './workspace.mjs'

const checkout = dirname(inWorkspace('package.json'))
const around = dirname(checkout)
if (basename(checkout) !== 'headwater')
  throw new RangeError('The page calls the checkout `headwater`: clone it under that name.')
for (const name of ['service', 'caller', 'page'])
  if (existsSync(join(around, name))) throw new RangeError(`${join(around, name)} is there already: remove it first.`)

/** What goes on until it is stopped, the page's server last. */
const servers = /^(npx headwater serve .*|npm run dev)$/
const logs = mkdtempSync(join(tmpdir(), 'headwater-follow-page-'))
const blocks = readFileSync(inWorkspace('docs/your-own-project.md'), 'utf8').matchAll(/^```(sh|js)\n(.*?)^```$/gms)
const commands = [...blocks].flatMap(([, language, text]) => (language === 'js' ? [saving(text)] : steps(text)))
const bash = spawn('bash', ['-euo', 'pipefail', '-c', commands.join('\n')], {
  cwd: around,
  env: ownShell(),
  // A group, by which servers are stopped.
  detached: true,
  stdio: ['ignore', 'inherit', 'inherit'],
})
try {
  const [code] = await once(bash, 'exit')
  assert.equal(code, 0, 'A step failed, see above.')
  await openPage()
} finally {
  try {
    process.kill(-(bash.pid ?? 0))
  } catch {
    // Nothing goes on.
  }
  rmSync(logs, { recursive: true })
}

async function openPage() {
  Object.assign(process.env, withDriver(environmentFile))
  const { openBrowser } = await tsImport('../packages/testkit/src/browser/browser.ts', import.meta.url)
  const browser = await openBrowser()
  try {
    const page = await browser.newPage()
    const [url] = /http:\/\/localhost:\d+/.exec(readFileSync(join(logs, 'npm'), 'utf8')) ?? []
    await page.goto(url)
    await page.waitForSelector('body[data-state]', { timeout: 300_000 })
    const status = await page.textContent('#status')
    assert.equal(await page.getAttribute('body', 'data-state'), 'ready', status)
    const figures = await page.locator('dt, dd').allTextContents()
    process.stdout.write(`\n${url}: ${status}\n${figures.join('\n')}\n`)
  } finally {
    await browser.close()
  }
}

/** The environment of a shell in which nothing of this checkout runs. */
function ownShell() {
  const ours = withDriver(environmentFile, {})
  const isOurs = (/** @type {string} */ name) => /^(npm_|NX_|INIT_CWD$|FORCE_COLOR$)/.test(name) || name in ours
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOurs(name)))
}

/** Saves a module under the name that its first line has. @param {string} text */
function saving(text) {
  const [, name] = /^\/\/ (\S+):/.exec(text) ?? []
  return `cat > ${name} <<'END OF ${name}'\n${text}END OF ${name}`
}

/** A block's commands, each shown before it runs; of a server the next waits for its address. @param {string} text */
function steps(text) {
  return text
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const shown = `printf '\\n$ %s\\n' '${line.replaceAll("'", "'\\''")}'`
      if (!servers.test(line)) return [shown, line]
      const log = join(logs, line.split(' ')[0])
      return [
        shown,
        `${line} > ${log} 2>&1 &`,
        `until grep -q http: ${log}; do kill -0 $! || { cat ${log}; exit 1; }; sleep 1; done; cat ${log}`,
      ]
    })
}
