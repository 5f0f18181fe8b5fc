/** Numbers for names, from 0 on, in the order in which they came. */
export class Names {
  readonly #numbers = new Map<string, number>()
  readonly #names: string[] = []

  /** −1 where the name has none. */
  numberOf(name: string): number {
    return this.#numbers.get(name) ?? -1
  }

  /** Gives the name a number where it has none. */
  makeNumber(name: string): number {
    const held = this.#numbers.get(name)
    if (held !== undefined) return held
    this.#numbers.set(name, this.#names.length)
    return this.#names.push(name) - 1
  }

  nameOf(number: number): string {
    return this.#names[number]
  }
}
