/**
 * A snapshot's user tower as an ONNX model: a user batch's arrays in, published embeddings out.
 * Shape letters: R rows, n tokens of d, K embeddings of D, J = K·D.
 */
import type { SideLayout } from '@headwater/features'
import {
  type EmbeddingsConfig,
  type ExtractorConfig,
  headEmbeddings,
  type LevelConfig,
  type ModelConfig,
  type TokenConfig,
  tokensOf,
  type UserTowerConfig,
} from '@headwater/runtime'
import type { Snapshot } from '@headwater/snapshot'
import { extractorExports } from '../components/extractors.ts'
import { ridgeMemory } from '../components/ridge-memory.ts'
import { denseValues, tokenExports, type UserInputs } from '../components/tokens.ts'
import type { ExportOf } from '../graph/export-of.ts'
import { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'
import { sidePorts } from '../ports/ports.ts'
import { toPublished } from './alignment.ts'
import { metadata } from './metadata.ts'
import { snapshotTowers } from './snapshot-towers.ts'

/**
 * The user tower with the alignment behind it. Inputs are a user batch's arrays by name (`inputArrays` makes them), R rows
 * each; the output `embeddings` [R, K·D] is in published coordinates, as `UserEncoder` gives it.
 * @returns the bytes of an ONNX file, opset 20.
 * @throws OnnxExportError where a tensor is missing or of another shape, or the model is over the 2 GB that one file holds;
 * ModelConfigError where the config does not suit the schema.
 */
export function exportUserTower(snapshot: Snapshot): Uint8Array {
  const { space, config, matrices } = snapshotTowers(snapshot)
  const { user } = space
  const graph = new Graph(snapshot.directory, matrices)
  const own = userTower(graph, user, config)
  const published = snapshot.alignment ? toPublished(graph, snapshot.alignment, own) : own
  graph.output('embeddings', published)
  return graph.encode('user tower', metadata(snapshot, user, config.embeddings))
}

function userTower(graph: Graph, layout: SideLayout, config: ModelConfig): Value {
  const inputs = userInputs(graph, layout)
  const tokens = config.user.tokens.map((own) => ({ own, values: madeTokens(graph, own, inputs, config.user) }))
  let x = graph.concat(
    tokens.flatMap(({ values }) => values),
    1,
  )
  const dense = tokens.find(({ own }) => own.kind === 'dense')?.values ?? []
  for (const [k, level] of config.user.levels.entries()) {
    const name = `user.level${k + 1}`
    x = graph.within(name, () => pyramidLevel(graph, name, level, x, dense))
  }
  const { count, width } = config.embeddings
  const made = { ...config.embeddings, count: headEmbeddings(config, layout) }
  const e = graph.within('user.output', () => head(graph, made, x))
  const kept = keptNumbers(graph, inputs, config)
  const whole = (made: Value) => graph.padLast(graph.concat([made, ...kept], 1), count * width)
  if (!config.embeddings.linear || !inputs.dense) return whole(e)
  const { standardize } = tokensOf(config.user, 'dense') ?? {}
  const values = graph.within('user.linear', () => denseValues(graph, standardize, inputs.dense!))
  return whole(graph.binary('Add', e, graph.linear('user.linear', values)))
}

/** What stands in the embeddings behind those of the head. */
function keptNumbers(graph: Graph, { layout, events }: UserInputs, config: ModelConfig): Value[] {
  const memory = tokensOf(config.user, 'memory')
  if (!memory || !events) return []
  return [graph.within('user.memory', () => ridgeMemory(graph, memory, layout.sequence!, events))]
}

function madeTokens(graph: Graph, config: TokenConfig, inputs: UserInputs, { tokenWidth }: UserTowerConfig): Value[] {
  const exportOf: ExportOf<TokenConfig, [inputs: UserInputs, d: number], Value[]> = tokenExports[config.kind]
  return exportOf(graph, config, inputs, tokenWidth)
}

function userInputs(graph: Graph, layout: SideLayout): UserInputs {
  const ports = sidePorts(layout)
  return {
    layout,
    dense: ports.dense && graph.input(ports.dense),
    bags: ports.bags.map(({ ids, lengths }) => ({ ids: graph.input(ids), lengths: graph.input(lengths) })),
    events: ports.sequence && {
      ids: graph.input(ports.sequence.ids),
      channels: graph.input(ports.sequence.channels),
      lengths: graph.input(ports.sequence.lengths),
      categories: ports.sequence.categories.map((port, k) => ({
        table: `user.sequence.${layout.sequence!.categories[k].name}`,
        ids: graph.input(port),
      })),
    },
  }
}

/** Norm(extracted and dense tokens, one after the other, + W X), without what the level does without. */
function pyramidLevel(graph: Graph, name: string, level: LevelConfig, x: Value, dense: readonly Value[]): Value {
  const extracted = level.extractors.map((config) => {
    const exportOf: ExportOf<ExtractorConfig, [name: string, x: Value], Value> = extractorExports[config.kind]
    return exportOf(graph, config, `${name}.${config.kind}`, x)
  })
  const tokens = graph.concat(level.dense ? [...extracted, ...dense] : extracted, 1)
  const sum = level.residual ? graph.binary('Add', tokens, graph.tokenMap(`${name}.residual`, x)) : tokens
  if (!level.norm) return sum
  return level.norm === 'layer' ? graph.layerNorm(sum, `${name}.norm`) : graph.rmsNorm(sum, `${name}.norm`)
}

function head(graph: Graph, { count, width, norm }: EmbeddingsConfig, x: Value): Value {
  const raw = graph.linear('user.output', graph.flatten(x))
  if (!norm) return raw
  const each = graph.reshape(raw, [count, width])
  return graph.flatten(norm.kind === 'layer' ? graph.layerNorm(each, null) : bounded(graph, each, norm.largest))
}

/** min(1, bound / ‖e‖) · e */
function bounded(graph: Graph, e: Value, bound: number): Value {
  const norm = graph.op('ReduceL2', [e, graph.int64([-1])], e.dims.with(-1, 1), { keepdims: 1 })
  // A divisor of at least 1 also covers the vector of zeros.
  const share = graph.binary('Max', graph.binary('Div', norm, graph.scalar(bound)), graph.scalar(1))
  return graph.binary('Div', e, share)
}
