/** Mesa's cache of compiled kernels. It writes to a file that it maps into memory, so that a full disk ends the process. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** At least the cache's index. */
const neededBytes = 2 ** 21
const fullCodes: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT', 'EFBIG']

/**
 * Turns the cache off for this process, with a warning, where there is no room for it: kernels are compiled anew then. To be
 * called before the driver is loaded. A cache that cannot be written for another reason the driver does without by itself.
 */
export function spareFullCache(): void {
  const { env, platform } = process
  if (platform !== 'linux' || env.MESA_SHADER_CACHE_DISABLE !== undefined) return
  const wanted = env.MESA_SHADER_CACHE_DIR ?? env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  let directory = wanted
  while (!existsSync(directory) && directory !== dirname(directory)) directory = dirname(directory)
  const probe = join(directory, `.headwater-room-${process.pid}`)
  try {
    writeFileSync(probe, Buffer.alloc(neededBytes))
  } catch (cause) {
    if (!fullCodes.includes((cause as NodeJS.ErrnoException).code)) return
    env.MESA_SHADER_CACHE_DISABLE = 'true'
    process.emitWarning(
      `No room for the graphics driver's cache in ${wanted}: kernels are compiled anew at each start. Make room there, or name another directory in MESA_SHADER_CACHE_DIR.`,
    )
  }
  rmSync(probe, { force: true })
}
