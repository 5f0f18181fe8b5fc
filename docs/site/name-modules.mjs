// A plugin of TypeDoc: a module is called as it is imported.
import { readFileSync } from 'node:fs'
import { modulesFile } from './places.mjs'

/** @param {any} app TypeDoc's application */
export function load(app) {
  /** @type {{ name: string, file: string }[]} */
  const modules = JSON.parse(readFileSync(modulesFile, 'utf8'))
  app.converter.on('createDeclaration', (/** @type {any} */ context, /** @type {any} */ reflection) => {
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.fileName
    const module = modules.find((module) => module.file === file)
    if (module) reflection.name = module.name
  })
}
