import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { encoderPrefix } from './encoder.ts'

it('starts the encoder on the cores and with the scheduling that were asked for', () => {
  expect(encoderPrefix({})).toEqual([])
  const [program, ...before] = encoderPrefix({ encoderCpus: '0', encoderIdle: true })
  // What a process that is started so says of itself: field 41 of its line is the policy, 5 is SCHED_IDLE.
  const code =
    "const fs = require('fs'); console.log(fs.readFileSync('/proc/self/status', 'utf8').match(/Cpus_allowed_list:\\s*(.*)/)[1], fs.readFileSync('/proc/self/stat', 'utf8').replace(/^.*\\) /, '').split(' ')[38])"
  expect(execFileSync(program, [...before, process.execPath, '-e', code], { encoding: 'utf8' })).toBe('0 5\n')
})
