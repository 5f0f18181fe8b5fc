#!/usr/bin/env node
import './node-version.cjs'

// Not by a statement, which an older Node would link before it says what it is.
const { launch } = await import('./launch.js')
process.exitCode = await launch(process.argv.slice(2))
