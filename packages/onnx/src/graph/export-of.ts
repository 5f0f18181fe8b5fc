import type { Graph } from './graph.ts'

/**
 * Writes nodes for a config of one kind. As a method's, its config is compared both ways: where any kind's is called, the
 * entry of the config's kind may stand.
 */
export type ExportOf<Config, Rest extends readonly unknown[], Result> = {
  write(graph: Graph, config: Config, ...rest: Rest): Result
}['write']
