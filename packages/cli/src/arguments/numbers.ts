import { InvalidArgumentError } from 'commander'

/** Parses an option's whole number. @throws InvalidArgumentError, which is shown as an error of the command line */
export const wholeNumber = (least: number, most: number) => (text: string) => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most.toLocaleString('en')}.`)
  return value
}

/** Parses an option's number that fits. @param ask what to give, as the message says it @throws InvalidArgumentError */
export const numberThat = (fits: (value: number) => boolean, ask: string) => (text: string) => {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!fits(value)) throw new InvalidArgumentError(ask)
  return value
}

/** Parses the number of a snapshot. @throws InvalidArgumentError */
export const snapshotNumber = (ask: string) => (text: string) => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError(ask)
  return numberThat((value) => value >= 1 && value <= 0xffff_ffff, ask)(text)
}
