/** What the service sends as `uplot.js`: the library, of its own package (`src/console/page-files.ts`). */
import uPlot from 'uplot'

export default uPlot
