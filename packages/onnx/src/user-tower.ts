/**
 * A snapshot's user tower as an ONNX model: a user batch's arrays in, published embeddings out.
 * Shape letters: R rows, n tokens of d, K embeddings of D, J = K·D.
 */
import type { SideLayout } from '@headwater/features'
import { eventTokens, type ModelConfig, snapshotConfig } from '@headwater/runtime'
import type { Snapshot } from '@headwater/snapshot'
import { toPublished } from './alignment.ts'
import { bagToken } from './bag-token.ts'
import { checkTensors } from './check-tensors.ts'
import { denseTokens } from './dense-tokens.ts'
import { compression, cross, mixer, mlp } from './extractors.ts'
import { Graph, type Value } from './graph.ts'
import { metadata } from './metadata.ts'
import { binary, concat, flatten, layerNorm, linear, reshape, rmsNorm, tokenMap } from './operations.ts'
import { sidePorts } from './ports.ts'
import { sequenceTokens } from './sequence-tokens.ts'

/**
 * The user tower with the alignment behind it. Inputs are a user batch's arrays by name (`inputArrays` makes them), R rows
 * each; the output `embeddings` [R, K·D] is in published coordinates, as `UserEncoder` gives it.
 * @returns the bytes of an ONNX file, opset 20.
 * @throws OnnxExportError where a tensor is missing or of another shape, or the model is over the 2 GB that one file holds;
 * ModelConfigError where the config does not suit the schema.
 */
export function exportUserTower(snapshot: Snapshot): Uint8Array {
  const { user } = checkTensors(snapshot)
  const config = snapshotConfig(snapshot)
  const graph = new Graph(snapshot.directory, snapshot.matrices)
  const own = userTower(graph, user, config)
  const published = snapshot.alignment ? toPublished(graph, snapshot.alignment, own) : own
  graph.output('embeddings', published)
  return graph.encode('user tower', metadata(snapshot, user, config.embeddings))
}

function userTower(graph: Graph, layout: SideLayout, config: ModelConfig): Value {
  const { tokenWidth, dense, levels } = config.user
  const ports = sidePorts(layout)
  const inputs = {
    dense: ports.dense && graph.input(ports.dense),
    bags: ports.bags.map(({ ids, lengths }) => ({ ids: graph.input(ids), lengths: graph.input(lengths) })),
    sequence: ports.sequence && {
      ids: graph.input(ports.sequence.ids),
      channels: graph.input(ports.sequence.channels),
      lengths: graph.input(ports.sequence.lengths),
      categories: ports.sequence.categories.map((port, k) => ({
        table: `user.sequence.${layout.sequence!.categories[k].name}`,
        ids: graph.input(port),
      })),
    },
  }
  const denseX =
    inputs.dense && dense.tokens > 0
      ? graph.within('user.dense-tokens', () => denseTokens(graph, dense, tokenWidth, inputs.dense!))
      : null
  const tokens = denseX ? [denseX] : []
  for (const [i, { name }] of layout.bags.entries()) {
    const { ids, lengths } = inputs.bags[i]
    tokens.push(graph.within(`user.${name}`, () => bagToken(graph, `user.${name}`, config.user.bags, ids, lengths)))
  }
  const { sequence } = inputs
  const made = eventTokens(config.user.sequence, layout.sequence)
  if (sequence)
    tokens.push(...graph.within('user.sequence', () => sequenceTokens(graph, config.user.sequence, made, sequence)))
  let x = concat(graph, tokens, 1)
  for (const [k, level] of levels.entries()) {
    const name = `user.level${k + 1}`
    x = graph.within(name, () => pyramidLevel(graph, name, level, x, denseX))
  }
  return graph.within('user.output', () => head(graph, config, x))
}

/** Norm(extracted and dense tokens, one after the other, + W X), without what the level does without. */
function pyramidLevel(
  graph: Graph,
  name: string,
  level: ModelConfig['user']['levels'][number],
  x: Value,
  denseX: Value | null,
): Value {
  const extracted = [
    level.mlp && mlp(graph, `${name}.mlp`, level.mlp, x),
    level.compression && compression(graph, `${name}.compression`, level.compression, x),
    level.cross && cross(graph, `${name}.cross`, level.cross, x),
    level.mixer && mixer(graph, `${name}.mixer`, x),
    level.dense === false ? null : denseX,
  ].filter((tokens) => tokens !== null)
  const tokens = concat(graph, extracted, 1)
  const sum = level.residual === false ? tokens : binary(graph, 'Add', tokens, tokenMap(graph, `${name}.residual`, x))
  if (level.norm === 'none') return sum
  return level.norm === 'layer' ? layerNorm(graph, sum, `${name}.norm`) : rmsNorm(graph, sum, `${name}.norm`)
}

function head(graph: Graph, { embeddings }: ModelConfig, x: Value): Value {
  const { count, width, norm, bound } = embeddings
  const raw = linear(graph, 'user.output', flatten(graph, x))
  if (norm === 'none') return raw
  const each = reshape(graph, raw, [count, width])
  return flatten(graph, norm === 'layer' ? layerNorm(graph, each, null) : bounded(graph, each, bound))
}

/** min(1, bound / ‖e‖) · e */
function bounded(graph: Graph, e: Value, bound: number): Value {
  const norm = graph.op('ReduceL2', [e, graph.int64([-1])], e.dims.with(-1, 1), { keepdims: 1 })
  // A divisor of at least 1 also covers the vector of zeros.
  const share = binary(graph, 'Max', binary(graph, 'Div', norm, graph.scalar(bound)), graph.scalar(1))
  return binary(graph, 'Div', e, share)
}
