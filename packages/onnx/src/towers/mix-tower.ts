/**
 * A snapshot's mix tower as an ONNX model: published embeddings and an item batch's arrays in, predictions out.
 * Shape letters: R rows, K embeddings of D, T tasks.
 */
import type { SideLayout } from '@headwater/features'
import { type EmbeddingsConfig, type ModelConfig, type TokenConfig, tokensOf } from '@headwater/runtime'
import type { Snapshot } from '@headwater/snapshot'
import { bagToken } from '../components/bag-token.ts'
import { interaction } from '../components/interactions.ts'
import { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'
import { sidePorts } from '../ports/ports.ts'
import { toOwn } from './alignment.ts'
import { metadata } from './metadata.ts'
import { snapshotTowers } from './snapshot-towers.ts'

/**
 * The mix tower behind the alignment's inverse. Inputs are `embeddings` [R, K·D] in published coordinates, as the user
 * tower's model gives them, and an item batch's arrays by name; the outputs are `logits` and `probabilities` [R, T].
 * @returns the bytes of an ONNX file, opset 20.
 * @throws OnnxExportError where a tensor is missing or of another shape, the alignment is no rotation, or the model is over
 * 2 GB; ModelConfigError where the config does not suit the schema.
 */
export function exportMixTower(snapshot: Snapshot): Uint8Array {
  const { space, config, matrices } = snapshotTowers(snapshot)
  const { item } = space
  const graph = new Graph(snapshot.directory, matrices)
  const joint = config.embeddings.count * config.embeddings.width
  const published = graph.input({ name: 'embeddings', type: 'float32', dims: [joint] })
  const own = snapshot.alignment ? toOwn(graph, snapshot.alignment, published, snapshot.directory) : published
  const logits = mixTower(graph, item, config, own)
  graph.output('logits', logits)
  graph.output('probabilities', graph.op('Sigmoid', [logits], logits.dims))
  return graph.encode('mix tower', metadata(snapshot, item, config.embeddings))
}

function mixTower(graph: Graph, layout: SideLayout, config: ModelConfig, e: Value): Value {
  const x = itemFeatures(graph, layout)
  const v = graph.linear('mix.item-vector', x)
  const met = graph.within('mix.interaction', () => interaction(graph, config.mix.interaction, config.embeddings, e, v))
  let hidden = graph.relu(graph.binary('Add', met, graph.linear('mix.from-item', x)))
  for (let layer = 2; layer <= config.mix.hidden.length; layer++)
    hidden = graph.relu(graph.linear(`mix.hidden${layer}`, hidden))
  const logits = graph.linear('mix.heads', hidden)
  const memory = tokensOf(config.user, 'memory')
  if (!memory || !graph.has('mix.memory')) return logits
  const scores = graph.within('mix.memory', () => memoryScores(graph, memory, config.embeddings, layout, e, x))
  return graph.binary('Add', logits, graph.product(scores, graph.weight('mix.memory')))
}

/** [m·q of each head, zeros up to four | intercepts, zeros up to four] */
function memoryScores(
  graph: Graph,
  { decays, width: D, shared }: TokenConfig<'memory'>,
  { count, width }: EmbeddingsConfig,
  layout: SideLayout,
  e: Value,
  x: Value,
): Value {
  const H = decays.length
  const kept = H * (D + 4)
  const begin = (count - Math.ceil(kept / width)) * width
  const m = graph.reshape(graph.slice(e, -1, begin, begin + kept), [H, D + 4])
  const place = quads(layout.dense.length) + layout.bags.findIndex(({ name }) => name === 'item') * D
  const q = shared ? graph.slice(x, -1, place, place + D) : graph.linear('mix.memory-vector', x)
  const dots = graph.reshape(graph.product(graph.slice(m, -1, 0, D), graph.unsqueeze(q, 2)), [H])
  const intercepts = graph.reshape(graph.slice(m, -1, D, D + 1), [H])
  return graph.concat([graph.padLast(dots, 4), graph.padLast(intercepts, 4)], 1)
}

/** [dense, zeros up to a whole vec4 | the mean of each bag] */
function itemFeatures(graph: Graph, layout: SideLayout): Value {
  const ports = sidePorts(layout)
  const dense = ports.dense ? [graph.padLast(graph.input(ports.dense), quads(layout.dense.length))] : []
  const bags = ports.bags.map(({ ids, lengths }, i) => {
    const name = `item.${layout.bags[i].name}`
    const inputs = [graph.input(ids), graph.input(lengths)] as const
    return graph.within(name, () => graph.flatten(bagToken(graph, name, 'mean', ...inputs)))
  })
  return graph.concat([...dense, ...bags], 1)
}

const quads = (n: number) => Math.ceil(n / 4) * 4
