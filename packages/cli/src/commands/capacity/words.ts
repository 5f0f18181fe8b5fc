/** A plan in words. */
import type { CapacityCheck, CapacityDemand, CapacityPlan, MeasuredConstants } from '@headwater/load/capacity'
import { count, counted } from '../../terminal/format.ts'

export function renderPlan(demand: CapacityDemand, plan: CapacityPlan, measured: MeasuredConstants): string {
  const { users, models, dim, ring, codec, reads, usersARead, replicas, cores, nodeGigabytes } = demand
  const { readers, workers, valkey, network } = plan
  const perEncoder = measured.constants.encodeUsersPerSecond.value
  const machines = (of: CapacityPlan['readers']) =>
    `${counted(of.processes, 'processes', 'process')} on ${counted(of.machines, 'machines')} of ${counted(cores, 'processors')}; ${short(of.processors)} busy`
  const rows: [string, string][] = [
    ['readers', machines(readers)],
    ['workers', machines(workers)],
    ['encoders', `${count(plan.encoders)}, of ${short(perEncoder)} users a second each`],
    [
      'Valkey',
      `${counted(valkey.masters, 'masters')}, ${counted(valkey.nodes - valkey.masters, 'replicas')} of ${nodeGigabytes} GB, bound by ${valkey.boundBy}; ${short(valkey.processors)} processors busy`,
    ],
    [
      'memory',
      `${bytes(valkey.memoryBytes)} in Valkey: ${count(plan.bytesAUser)} bytes a user, held ${counted(1 + replicas, 'times')}`,
    ],
    ['disk', `${bytes(valkey.diskBytes)} for the dumps of all nodes`],
    ['network', `readers to callers ${bytes(network.readersToCallers)}/s`],
    ['', `Valkey to readers ${bytes(network.valkeyToReaders)}/s`],
    ['', `refreshes to Valkey and its replicas ${bytes(network.valkeyWrites)}/s`],
    ['constants', measured.measuredOn],
    ...measured.checks.map((check, i): [string, string] => [i === 0 ? 'checks' : '', checkText(check)]),
  ]
  const lines = [
    `${counted(users, 'users')}, ${counted(models, 'models')}, ${codec} rings of ${ring} × ${dim} values;`,
    `a second ${count(reads)} reads of ${counted(usersARead, 'users')}, ${count(plan.refreshesPerSecond)} refreshes, ${count(plan.eventsPerSecond)} events`,
    '',
    ...rows.map(([name, text]) => `${name.padEnd(11)}${text}`),
  ]
  return `${lines.join('\n')}\n`
}

function checkText({ what, unit, predicted, measured }: CapacityCheck): string {
  const error = (100 * (predicted - measured)) / measured
  return `${what}: ${short(predicted)} ${unit} predicted, ${short(measured)} measured, ${error < 0 ? '−' : '+'}${Math.abs(error).toFixed(1)} %`
}

/** Three digits, or all digits of the whole part. */
const short = (value: number) => (value >= 100 ? count(value) : String(Number(value.toPrecision(3))))

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']

function bytes(value: number): string {
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3))
  return `${short(value / 1_000 ** unit)} ${units[unit]}`
}
