/** How a model's description is printed. */
import type { LimitsDescription, ModelDescription, PlanDescription } from '@headwater/training'
import { count } from '../../terminal/format.ts'

const units = ['bytes', 'KiB', 'MiB', 'GiB']

/** Three digits, or all digits of the whole part. */
function bytes(sizeBytes: number): string {
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, sizeBytes)) / 10))
  const value = sizeBytes / 1024 ** unit
  return `${unit === 0 ? value : value.toPrecision(Math.max(3, String(Math.floor(value)).length))} ${units[unit]}`
}

const plan = (what: string, { plannedBytes, naiveBytes, inputBytes, dispatches }: PlanDescription) =>
  `  ${what.padEnd(10)} activations ${bytes(plannedBytes)}, ${bytes(naiveBytes)} without sharing; inputs ${bytes(inputBytes)}; ${count(dispatches)} dispatches`

function limits(of: LimitsDescription): string[] {
  const { device, maxBufferSize, maxStorageBufferBindingSize, largestBuffer, largestBinding, refusal } = of
  const lines = [`  ${device}: buffers of ${bytes(maxBufferSize)}, bindings of ${bytes(maxStorageBufferBindingSize)}`]
  if (largestBuffer && largestBinding)
    lines.push(
      `    largest buffer ${largestBuffer.label}, ${bytes(largestBuffer.sizeBytes)}; largest binding ${largestBinding.label}, ${bytes(largestBinding.sizeBytes)}`,
    )
  return [...lines, `    ${refusal === null ? 'fits' : `does not fit: ${refusal}`}`]
}

/** Everything about a model of a name, for the features of a schema. */
export function renderModel(name: string, schema: string, description: ModelDescription): string {
  const { rows, tokenWidth, levels, embeddingColumns, parameters, flops, plans } = description
  const { weights, gradients, optimizer, tables } = description.bytes
  const lines = [
    `Model      ${name}, for the features of ${schema}`,
    `Tokens     of ${tokenWidth} numbers`,
    ...levels.map(
      ({ name, tokens, sources }) =>
        `  ${name.padEnd(8)} ${String(tokens).padStart(4)}: ${sources.map((source) => `${source.tokens} ${source.from}`).join(', ')}`,
    ),
    `Vector     ${count(embeddingColumns)} numbers a user`,
    `Parameters ${count(parameters.dense)} dense, ${count(parameters.tables)} in tables`,
    ...parameters.groups.map((group) => `  ${group.name.padEnd(26)} ${count(group.values).padStart(12)}`),
    `FLOPs      an example: ${count(flops.forward)} forward, of which the user tower ${count(flops.encoding)}; training ${count(flops.training)}`,
    `Memory     weights ${bytes(weights)}, gradients ${bytes(gradients)}, optimizer state ${bytes(optimizer)}, tables ${bytes(tables)}`,
    `Plans      of ${count(rows)} rows`,
    plan('training', plans.training),
    plan('encoding', plans.encoding),
    'Limits     of devices, against training',
    ...description.limits.flatMap(limits),
  ]
  return `${lines.join('\n')}\n`
}
