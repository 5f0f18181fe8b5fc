import { mergeConfig } from 'vitest/config'
import one from './vitest.package.config.ts'

/** Tests that load a machine until it breaks: what they find is clear only where nothing else runs. */
const load = mergeConfig(one, { test: { maxWorkers: 1 } })
load.test.include = ['load/**/*.test.ts']

export default load
