import { fileURLToPath } from 'node:url'

/** @param {string} path from the workspace's root */
export const inWorkspace = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))

/** Variables that every process of this project needs; ignored by git, read by Nx too. */
export const environmentFile = inWorkspace('.env')

/** Where set-up puts all that it brings, apart from node_modules. */
export const cacheDirectory = inWorkspace('.cache')
