// The built site by itself: links of its pages lead to pages and anchors of it, and it asks nothing of other hosts. Then the pages'
// blocks of TypeScript, against the packages' types.

import { checkBlocks } from './check-blocks.mjs'
import { checkBuilt } from './check-built.mjs'

const complaints = [...checkBuilt(), ...(await checkBlocks())]
for (const complaint of complaints) process.stdout.write(`${complaint}\n`)
process.stdout.write(complaints.length === 0 ? 'docs: nothing is wrong\n' : `docs: ${complaints.length} wrong\n`)
process.exitCode = complaints.length === 0 ? 0 : 1
