/** Words by which names of columns tell what is in them. */

/** Each list in the order of preference: where two columns could be the user, one called `user` is. */
const userWords = `user uid reader customer member visitor viewer listener player buyer shopper subscriber client consumer
  person reviewer guest patient student account profile session cookie device`
const itemWords = `item iid movie film article product video song track news book sku asin isbn ad creative content post document
  doc listing hotel restaurant business game app anime course recipe offer show episode podcast story photo image pin
  question exercise job property place poi artist album page url`
const timeWords = 'time timestamp ts datetime date at when day'
/** Of what can stand beside them in a time's name and makes it that of something else. */
const otherTimeWords = `release released birth signup registered registration joined published updated modified expires expiry
  upload uploaded start end first last opening closing`
const outcomeWords = `label target y clicked click liked like purchased purchase bought buy ordered converted conversion installed rating
  stars score rate opened open watched watch played play finished completed correct reward feedback response engaged
  helpful vote saved shared skipped clicks likes purchases plays quantity seconds duration dwell spent listened`
const contextWords = `price cost bid position rank slot hour weekday month distance temperature lat lon lng latitude longitude discount
  stock budget device browser os platform surface channel source country city region language locale mobile weekend`
const keyWords = 'id key hash code no number num uuid guid'
const codeWords = 'id code type category zip class group cluster gender occupation genre kind brand'
const actionWords = 'action event behavior behaviour interaction activity'

const listed = (words: string) => words.split(/\s+/)
const lists = {
  user: listed(userWords),
  item: listed(itemWords),
  time: listed(timeWords),
  otherTime: listed(otherTimeWords),
  outcome: listed(outcomeWords),
  context: listed(contextWords),
  key: listed(keyWords),
  code: listed(codeWords),
  action: listed(actionWords),
}
export type WordList = keyof typeof lists

/** `userId`, `user_id` and `User ID` are the words user and id. */
export function wordsOf(name: string): string[] {
  const parted = name.replace(/([a-z])([A-Z])/g, '$1 $2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
  const words = parted.toLowerCase().split(/[^\p{L}\p{N}]+/u)
  return words.flatMap((word) => (/^(user|item|movie|product)id$/.test(word) ? [word.slice(0, -2), 'id'] : [word]))
}

/** Place of a name's word in a list, the lowest of several; -1 where it has none. */
export function placeIn(list: WordList, name: string): number {
  const places = wordsOf(name).map((word) => lists[list].indexOf(word))
  return places.filter((place) => place >= 0).sort((a, b) => a - b)[0] ?? -1
}

export const has = (list: WordList, name: string) => placeIn(list, name) >= 0

/** Whether a name says nothing but who or what it is a key of, as `user_id` does and `user_age` does not. */
export function isKeyName(list: 'user' | 'item', name: string): boolean {
  const words = wordsOf(name)
  return (
    words.some((word) => lists[list].includes(word)) &&
    words.every((word) => [...lists[list], ...lists.key].includes(word))
  )
}
