/**
 * A snapshot's mix tower as an ONNX model: published embeddings and an item batch's arrays in, predictions out.
 * Shape letters: R rows, K embeddings of D, G grouped dots, T tasks.
 */
import type { SideLayout } from '@headwater/features'
import { type ModelConfig, snapshotConfig } from '@headwater/runtime'
import type { Snapshot } from '@headwater/snapshot'
import { toOwn } from './alignment.ts'
import { bagToken } from './bag-token.ts'
import { checkTensors } from './check-tensors.ts'
import { Graph, type Value } from './graph.ts'
import { metadata } from './metadata.ts'
import { binary, concat, flatten, linear, padLast, permute, product, relu, reshape } from './operations.ts'
import { sidePorts } from './ports.ts'

/**
 * The mix tower behind the alignment's inverse. Inputs are `embeddings` [R, K·D] in published coordinates, as the user
 * tower's model gives them, and an item batch's arrays by name; the outputs are `logits` and `probabilities` [R, T].
 * @returns the bytes of an ONNX file, opset 20.
 * @throws OnnxExportError where a tensor is missing or of another shape, the alignment is no rotation, or the model is over
 * 2 GB; ModelConfigError where the config does not suit the schema.
 */
export function exportMixTower(snapshot: Snapshot): Uint8Array {
  const { item } = checkTensors(snapshot)
  const config = snapshotConfig(snapshot)
  const graph = new Graph(snapshot.directory, snapshot.matrices)
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
  const v = linear(graph, 'mix.item-vector', x)
  const met = graph.within('mix.interaction', () => interaction(graph, config, e, v))
  let hidden = relu(graph, binary(graph, 'Add', met, linear(graph, 'mix.from-item', x)))
  for (let layer = 2; layer <= config.mix.hidden.length; layer++)
    hidden = relu(graph, linear(graph, `mix.hidden${layer}`, hidden))
  return linear(graph, 'mix.heads', hidden)
}

/** [dense, zeros up to a whole vec4 | the mean of each bag] */
function itemFeatures(graph: Graph, layout: SideLayout): Value {
  const ports = sidePorts(layout)
  const dense = ports.dense ? [padLast(graph, graph.input(ports.dense), quads(layout.dense.length))] : []
  const bags = ports.bags.map(({ ids, lengths }, i) => {
    const name = `item.${layout.bags[i].name}`
    const inputs = [graph.input(ids), graph.input(lengths)] as const
    return graph.within(name, () => flatten(graph, bagToken(graph, name, 'mean', ...inputs)))
  })
  return concat(graph, [...dense, ...bags], 1)
}

const quads = (n: number) => Math.ceil(n / 4) * 4

/** [e | dots] W, whose rows the snapshot keeps in one tensor or in two. */
function interaction(graph: Graph, { embeddings, mix }: ModelConfig, e: Value, v: Value): Value {
  if (mix.interaction.kind === 'grouped')
    return linear(graph, 'mix.from-interaction', concat(graph, [e, grouped(graph, mix.interaction.dots, e, v)], 1))
  const vectors = reshape(graph, concat(graph, [e, v], 1), [
    embeddings.count + mix.interaction.vectors,
    embeddings.width,
  ])
  const fromEmbeddings = linear(graph, 'mix.from-embeddings', e)
  return binary(graph, 'Add', fromEmbeddings, linear(graph, 'mix.from-dots', pairwise(graph, vectors)))
}

/** Dot products of the G slices of e and v. */
function grouped(graph: Graph, dots: number, e: Value, v: Value): Value {
  const products = reshape(graph, binary(graph, 'Mul', e, v), [dots, e.dims[0] / dots])
  return graph.op('ReduceSum', [products, graph.int64([2])], [dots], { keepdims: 0 })
}

/** x_i · x_j for j < i of a row's vectors, by i and then j. */
function pairwise(graph: Graph, x: Value): Value {
  const [count] = x.dims
  const all = flatten(graph, product(graph, x, permute(graph, x, [1, 0])))
  const places: number[] = []
  for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) places.push(i * count + j)
  return graph.op('Gather', [all, graph.int32(places)], [places.length], { axis: 1 })
}
