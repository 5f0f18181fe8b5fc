import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll } from 'vitest'
import { Child, worker } from './child.ts'
import type { StressedUrls } from './stressed-service.ts'

const program = [...worker.slice(0, -1), fileURLToPath(new URL('stressed-service.ts', import.meta.url))]

/** Services with one known bottleneck each, for the tests of the file that calls this. */
export function stressedServices(): { readonly urls: StressedUrls } {
  let service: Child
  let urls: StressedUrls
  beforeAll(async () => {
    service = new Child(program, [], temporaryDirectory())
    await service.until(() => service.stdout.includes('\n'))
    urls = JSON.parse(service.stdout)
  })
  afterAll(async () => {
    service.process.kill('SIGTERM')
    await service.exited
  })
  return {
    get urls() {
      return urls
    },
  }
}
