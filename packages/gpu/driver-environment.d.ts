/**
 * The environment with the file's variables added. What is set already wins, save that the library path is extended.
 * @param file need not exist
 */
export function withDriver(file: string, environment?: NodeJS.ProcessEnv): NodeJS.ProcessEnv
