import { InvalidArgumentError } from 'commander'

/** Parses an option's whole number. @throws InvalidArgumentError, which the command line tells */
export function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most.toLocaleString('en')}.`)
    return value
  }
}
