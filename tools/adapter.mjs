import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { withDriver } from '../packages/gpu/driver-environment.js'
import { bringDebianPackages, hasDebianPackages, installCommand, libraryDirectories } from './debian-packages.mjs'
import { writeBlock } from './environment-block.mjs'
import { runProgram } from './run-program.mjs'
import { SetupError } from './setup-error.mjs'
import { cacheDirectory, environmentFile, inWorkspace } from './workspace.mjs'

const owner = 'Software WebGPU driver'
const packages = ['mesa-vulkan-drivers', 'libvulkan1']
const driverRoot = join(cacheDirectory, 'drivers')
const manifests = join(driverRoot, 'usr/share/vulkan/icd.d')

/**
 * Sees to it that WebGPU finds an adapter: the machine's own if it has one, else Mesa's software driver in a folder of
 * the workspace.
 * @param {(line: string) => void} say
 */
export async function ensureAdapter(say) {
  if (await adapterWith(withDriver(environmentFile))) return
  writeBlock(environmentFile, owner, {})
  if (await adapterWith(withDriver(environmentFile))) return

  if (existsSync(driverRoot) && (await useBroughtDriver())) return
  if (process.platform !== 'linux') throw new SetupError(missing, '# update the graphics driver, then:\nnpm run setup')
  if (!(await hasDebianPackages())) throw new SetupError(missing, otherDistributions)
  const step = (/** @type {string} */ line) => say(`software WebGPU driver: ${line}`)
  await bringDebianPackages(packages, driverRoot, step)
  makeManifestsRelocatable()
  if (!(await useBroughtDriver()))
    throw new SetupError(`${missing} The software driver that was brought gives none either.`, installCommand(packages))
}

const missing = 'WebGPU finds no adapter on this machine.'

const otherDistributions = [
  'sudo dnf install mesa-vulkan-drivers vulkan-loader    # Fedora, RHEL',
  'sudo pacman -S vulkan-swrast vulkan-icd-loader        # Arch',
  'sudo zypper install libvulkan_lvp libvulkan1          # openSUSE',
  'npm run setup',
].join('\n')

/** Points the environment file at the driver in the workspace; false, and nothing written, where it gives no adapter. */
async function useBroughtDriver() {
  const manifest = softwareManifest()
  if (!manifest) return false
  const libraries = libraryDirectories(driverRoot).join(':')
  writeBlock(environmentFile, owner, { VK_DRIVER_FILES: manifest, LD_LIBRARY_PATH: libraries })
  if (await adapterWith(withDriver(environmentFile))) return true
  writeBlock(environmentFile, owner, {})
  return false
}

function softwareManifest() {
  if (!existsSync(manifests)) return null
  const file = readdirSync(manifests).find((name) => name.startsWith('lvp_icd'))
  return file ? join(manifests, file) : null
}

/** Some distributions name the driver by its absolute path on the system; its bare name is found by the library path. */
function makeManifestsRelocatable() {
  const file = softwareManifest()
  if (!file) return
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  manifest.ICD.library_path = basename(manifest.ICD.library_path)
  writeFileSync(file, JSON.stringify(manifest))
}

/**
 * Whether Dawn finds an adapter. Asked in a process of its own: the Vulkan loader reads its environment once.
 * @param {NodeJS.ProcessEnv} env
 */
async function adapterWith(env) {
  const probe = `
    import { create } from 'webgpu'
    const gpu = create([])
    process.exitCode = (await gpu.requestAdapter()) ? 0 : 1`
  const cwd = inWorkspace('packages/gpu')
  const { code } = await runProgram(process.execPath, ['--input-type=module', '--eval', probe], { env, cwd })
  return code === 0
}
