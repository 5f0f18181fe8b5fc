// `npm start -- ARGUMENTS`: set-up where needed, then `headwater run ARGUMENTS`.
import { launch } from '../packages/cli/bin/launch.js'
import { setUp } from './setup.mjs'

process.exitCode = (await setUp({ browser: false })) ? await launch(['run', ...process.argv.slice(2)]) : 1
