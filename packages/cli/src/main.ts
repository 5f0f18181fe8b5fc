import { runCommandLine } from './commands/program.ts'

// The launcher holds the other end of this channel. Where it is killed and can pass no signal on, this process ends too.
process.once('disconnect', () => process.exit(1))
process.channel?.unref()

const exitCode = await runCommandLine(process.argv.slice(2))
// A failed command may leave a device or a store open behind it, which would keep the process alive.
if (exitCode !== 0) process.exit(exitCode)
