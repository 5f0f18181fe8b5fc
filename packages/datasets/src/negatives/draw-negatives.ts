import { basketsOf, LiveItems, type LogEvent, murmur3, type Schema, timeGroups } from '@headwater/features'

/**
 * A log of what was taken, with rows of items that were not: behind each row, draws from the items that were live just before
 * its time, each item's chance being its share of the window's events (popularity). A draw of an item that the user took at
 * that time is left out, so that every other live item is expected as often as its chance times the number of draws, whatever
 * was taken: what corrects figures for the sampling (`Draw`) is exact. A drawn row has the item's fields as of the item's
 * last event, the user and the context of the row beside which it was drawn, and no outcome but the 0 that tells it.
 *
 * What was taken and was not live could not have been drawn, so that nothing would tell it from a negative but that it is new:
 * the label is missing there, and the row only teaches features.
 *
 * Draws are hashes of seed, user, item, time and their number: the same log has the same rows, wherever reading begins.
 * @param taken in time order
 */
export async function* drawNegatives(
  schema: Schema,
  taken: AsyncIterable<readonly LogEvent[]>,
): AsyncGenerator<LogEvent[]> {
  const { outcome, items: draws, seed = 0 } = schema.negatives!
  const made = schema.fields.findIndex(({ name }) => name === outcome)
  const live = new LiveItems(schema)
  let row = 0
  for await (const group of timeGroups(taken)) {
    const [{ timeMs }] = group
    live.advance(timeMs)
    const baskets = basketsOf(group)
    const rows: LogEvent[] = []
    for (const event of group) {
      const { user, item } = event
      const basket = baskets.get(user)!
      const others = live.size - [...basket].filter((own) => live.get(own) !== null).length
      const expected = draws * (live.get(item)?.share ?? 0)
      const draw = { taken: true, expected, live: others + 1 }
      rows.push({ ...event, row: row++, values: event.values.with(made, expected > 0 ? 1 : null), draw })
      for (let i = 0; expected > 0 && i < draws; i++) {
        const drawn = live.at(murmur3(`${user}\n${item}\n${timeMs}\n${i}`, seed) / 2 ** 32)!
        if (basket.has(drawn.item)) continue
        rows.push({ ...live.rowOf(drawn, event, others + 1), row: row++ })
      }
    }
    for (const event of group) live.add(event)
    yield rows
  }
}
