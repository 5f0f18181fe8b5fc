/**
 * Makes one folder that runs on a machine with a GPU and nothing else: Node's binary, Dawn, the packages, these benches and the
 * bundled log. `./run` there measures what only a GPU can show (gpu-run.ts). Linux on x64.
 *
 * `--out DIR` (default: headwater-gpu here) must not exist; DIR.tar.xz is made beside it.
 */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { inWorkspace } from './generated-parts.ts'
import { commit, digits, progress, resultPath, runBench, UsageError } from './report.ts'

/** What a user downloads at most. */
const boundBytes = 60e6

/** What `./run` imports directly; peers are left out. */
const roots = ['headwater', '@headwater/kernels', '@headwater/onnx', '@headwater/testkit', 'tsx']
/** Only imported where a command asks for them. */
const unused = new Set([
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace-node',
  'onnxruntime-node',
  'playwright-core',
])

const workspace = fileURLToPath(inWorkspace(''))

interface Manifest {
  readonly name: string
  readonly dependencies?: { readonly [name: string]: string }
  readonly optionalDependencies?: { readonly [name: string]: string }
}

const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** The folder that a package's imports of another lead to; null where an optional one is of another platform. */
function folderOf(name: string, from: string): string | null {
  for (const modules of createRequire(join(from, 'package.json')).resolve.paths(name) ?? [])
    if (existsSync(join(modules, name, 'package.json'))) return join(modules, name)
  return null
}

/** Folders of all packages that are needed, relative to the workspace. */
function neededFolders(): readonly string[] {
  const found = new Set<string>()
  const visit = (name: string, from: string, isOptional: boolean) => {
    if (unused.has(name)) return
    const folder = folderOf(name, from)
    if (folder === null && isOptional) return
    if (folder === null) throw new UsageError(`${name} is not installed: run npm install first.`)
    const path = relative(workspace, realpathSync(folder))
    if (found.has(path)) return
    found.add(path)
    const { dependencies = {}, optionalDependencies = {} } = manifestOf(folder)
    for (const each of Object.keys(dependencies)) visit(each, folder, each in optionalDependencies)
    for (const each of Object.keys(optionalDependencies)) visit(each, folder, true)
  }
  for (const name of roots) visit(name, workspace, false)
  return [...found].sort()
}

const isOwn = (path: string) => /^packages\/[^/]+$/.test(path)

/** Of a package of the workspace: tests, and what is built, generated or for the other ways to run. */
const ownLeftOut = /^packages\/[^/]+\/(dist|wgsl|console|browser|load|node_modules)$|\.test\.ts$/
/** Of another package: what people, compilers and other platforms read, and packages inside it, which are copied by themselves. */
const otherLeftOut = /\.(d\.[cm]?ts|map|md)$|\/webgpu\/dist\/(?!linux-x64)[^/]+$|.\/node_modules$/

function copy(path: string, to: string): void {
  const leftOut = isOwn(path) ? ownLeftOut : otherLeftOut
  const isKept = (source: string) => source === join(workspace, path) || !leftOut.test(relative(workspace, source))
  cpSync(join(workspace, path), join(to, path), { recursive: true, filter: isKept })
}

const runScript = () => `#!/bin/sh
# Measures this machine's GPU, in at most nine minutes; see gpu-run.ts. Needs a GPU driver with Vulkan and nothing else.
here=$(cd "$(dirname "$0")" && pwd)
add() { export LD_LIBRARY_PATH="\${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$here/lib/$1"; }
# Only where the machine has none of its own: a driver may need a newer one than ours.
PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -q libvulkan.so.1 || add vulkan
"$here/node" --version >/dev/null 2>&1 || add cxx
export INIT_CWD="$PWD" HEADWATER_COMMIT=${commit()}
cd "$here/bench" && exec "$here/node" --conditions=@headwater/source --import tsx gpu-run.ts "$@"
`

/** Libraries that some machines lack, and the folders of `lib` for them; `./run` uses each folder only where it has to. */
const libraries = { vulkan: ['libvulkan.so.1'], cxx: ['libstdc++.so.6', 'libgcc_s.so.1'] }

function copyLibraries(out: string): void {
  const folders = [...(process.env.LD_LIBRARY_PATH ?? '').split(':'), '/usr/lib/x86_64-linux-gnu', '/usr/lib64']
  for (const [of, names] of Object.entries(libraries)) {
    mkdirSync(join(out, 'lib', of), { recursive: true })
    for (const name of names) {
      const path = folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
      if (path === undefined) progress(`${name} is not here: the machine with the GPU has to have it.`)
      else cpSync(path, join(out, 'lib', of, name), { dereference: true })
    }
  }
}

function make(out: string): void {
  const folders = neededFolders()
  for (const path of folders) copy(path, out)
  for (const path of folders.filter(isOwn)) {
    const link = join(out, 'node_modules', manifestOf(join(workspace, path)).name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(relative(dirname(link), join(out, path)), link)
  }
  cpSync(import.meta.dirname, join(out, 'bench'), {
    recursive: true,
    filter: (source) => !/\/(node_modules|results)$/.test(source),
  })
  for (const file of ['package.json', 'tsconfig.base.json', 'LICENSE']) cpSync(join(workspace, file), join(out, file))
  cpSync(process.execPath, join(out, 'node'))
  copyLibraries(out)
  writeFileSync(join(out, 'run'), runScript())
  chmodSync(join(out, 'run'), 0o755)
  progress(`${folders.length} packages in ${out}`)
}

await runBench(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string', default: 'headwater-gpu' } } })
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new UsageError(`The bundle is made on Linux on x64, this is ${process.platform} on ${process.arch}.`)
  const out = resultPath(values.out)
  if (existsSync(out)) throw new UsageError(`${out} is there; remove it, or give another --out.`)
  const [part, archive] = [`${out}.part`, `${out}.tar.xz`]
  rmSync(part, { recursive: true, force: true })
  make(part)
  execFileSync('mv', [part, out])
  progress(`compressing to ${archive} …`)
  execFileSync('tar', ['-C', dirname(out), '-cJf', archive, relative(dirname(out), out)])
  const { size } = statSync(archive)
  progress(
    `${archive}: ${digits(size / 1e6)} MB (at most ${boundBytes / 1e6}: ${size <= boundBytes ? 'holds' : 'MISSED'})`,
  )
  if (size > boundBytes) process.exitCode = 1
})
