// `npm start -- ARGUMENTS`: set-up where needed, then `headwater run ARGUMENTS`.
import { setUp } from './setup.mjs'

if (await setUp({ browser: false })) {
  // What it imports is there now.
  const { launch } = await import('../packages/cli/bin/launch.js')
  process.exitCode = await launch(['run', ...process.argv.slice(2)])
} else process.exitCode = 1
