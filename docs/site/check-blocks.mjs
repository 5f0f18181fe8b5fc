import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allPages, readPage } from '../../tools/pages.mjs'
import { runProgram } from '../../tools/run-program.mjs'
import { inWorkspace } from '../../tools/workspace.mjs'
import { inSite } from './places.mjs'

/**
 * Names that a block takes from the text around it: "cannot find name", with and without a guess, and the same of a shorthand
 * property, and parameters whose types they would give. All else that the compiler says is of the block.
 */
const fromAround = /error TS(2304|2552|18004|7006|7031):/

/** Compiles the pages' blocks of TypeScript against the packages. @returns {Promise<string[]>} what the compiler said, with page and line */
export async function checkBlocks() {
  const directory = inSite('.cache/blocks')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  /** @type {Map<string, { page: string, line: number }>} */
  const places = new Map()
  for (const page of allPages())
    for (const { language, text, line } of readPage(page).blocks) {
      if (language !== 'ts') continue
      const file = `${page.replace(/\W/g, '-')}-${line}.ts`
      places.set(file, { page, line })
      writeFileSync(join(directory, file), `${text}\nexport {}\n`)
    }
  const config = {
    extends: inWorkspace('tsconfig.base.json'),
    include: ['.'],
    compilerOptions: { noUnusedLocals: false },
  }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config))
  const compiler = inWorkspace('node_modules/typescript/bin/tsc')
  const { stdout } = await runProgram(process.execPath, [compiler, '-p', '.', '--pretty', 'false'], { cwd: directory })
  return stdout
    .split('\n')
    .filter((said) => /error TS/.test(said) && !fromAround.test(said))
    .map((said) => {
      const [, file, row, what] = /^(.*?)\((\d+),\d+\): (.*)$/.exec(said) ?? []
      const place = places.get(file)
      return place === undefined ? said : `${place.page}, line ${place.line + Number(row)}: ${what}`
    })
}
