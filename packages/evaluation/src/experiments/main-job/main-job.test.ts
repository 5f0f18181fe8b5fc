import type { LogEvent } from '@headwater/features'
import { describe, expect, test } from 'vitest'
import { ExperimentError } from '../../lab/log/experiment-error.ts'
import { readLabLog } from '../../lab/log/lab-log.ts'
import { memoryLog, smallEvents, smallSchema } from '../../testing/small-log.ts'
import { mainJob, mainJobSettings } from './main-job.ts'

const events = smallEvents(2400, 1)

const look = async (rows: readonly LogEvent[]) =>
  mainJob.check!(await readLabLog(memoryLog(smallSchema, rows), 'a test', mainJobSettings))

const stars = (event: LogEvent, value: number): LogEvent => ({ ...event, values: [...event.values.slice(0, 3), value] })

describe('what must fail fails at once', () => {
  const cases: [title: string, rows: LogEvent[], message: string][] = [
    ['a short log', events.slice(0, 999), 'small: the log has 999 rows; the main job needs 1,000 for its rounds'],
    [
      'one time',
      events.map((event) => ({ ...event, timeMs: 5 })),
      'small: all rows from 240 on have one time, so none of them can be served what was learnt before; give times',
    ],
    [
      'one time from the first publication on',
      events.map((event) => ({ ...event, timeMs: event.row < 239 ? event.timeMs : 2e12 })),
      'all rows from 240 on have one time',
    ],
    [
      'one class at the end',
      events.map((event) => (event.row < 2160 ? event : stars(event, 5))),
      `small: the log's last 240 rows, on which models are scored, have one class of task "liked"; use a longer log`,
    ],
    [
      'one user at the end',
      events.map((event) => (event.row < 2160 ? event : { ...event, user: 'u1' })),
      'on which models are scored, have one user; use a log of more users',
    ],
  ]
  test.each(cases)('%s', async (_, rows, message) => {
    const failure = await look(rows).catch((error: unknown) => error as Error)
    expect(failure).toBeInstanceOf(ExperimentError)
    expect((failure as Error).message).toContain(message)
  })

  test('a row whose first task has no label', async () => {
    const unlabeled = events.map((event) => {
      return event.row === 7 ? { ...event, values: [...event.values.slice(0, 3), null] } : event
    })
    await expect(look(unlabeled)).rejects.toMatchObject({ name: 'EventError', row: 7, field: 'stars' })
  })

  test('and one more row of another time, class or user is enough', async () => {
    await look(events.map((event) => ({ ...event, timeMs: event.row < 240 ? event.timeMs : 2e12 })))
    await look(events.map((event) => (event.row < 2160 ? event : stars(event, event.row === 2160 ? 3 : 5))))
    await look(events.map((event) => (event.row < 2160 ? event : { ...event, user: event.row === 2399 ? 'u2' : 'u1' })))
  })
})
