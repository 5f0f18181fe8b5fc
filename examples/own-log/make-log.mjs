// Prints a log of a made-up news app as CSV: who was shown which article when, opened it or not, and for how long.
// Readers differ in how keen they are and in the topics they like, which no column tells: that is what a user embedding
// has to find out, and soon, as readers come and go.
const readers = 5_000
const articles = 600
const rows = 60_000
const days = 56
const stayDays = 14
const topics = ['politics', 'sports', 'science', 'culture', 'travel', 'money']

/** Uniform in [0, 1), the same on every machine: a 32-bit linear congruential generator. */
let state = 20_231_109
function random() {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}

const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
/** @param {readonly string[]} list */
const pick = (list) => list[Math.floor(random() * list.length)]

const people = Array.from({ length: readers }, (_, i) => ({
  id: `reader-${i}`,
  plan: random() < 0.3 ? 'paid' : 'free',
  arrivalDay: random() * (days + stayDays) - stayDays,
  keenness: 1.5 * normal(),
  likes: topics.map(() => 0.7 * normal()),
}))

/** One of the readers who are there on a day. */
function readerOf(day) {
  for (;;) {
    const reader = people[Math.floor(random() * readers)]
    if (reader.arrivalDay <= day && day < reader.arrivalDay + stayDays) return reader
  }
}

const pieces = Array.from({ length: articles }, (_, i) => ({
  id: `article-${i}`,
  topics: [...new Set([pick(topics), pick(topics)])],
  words: Math.round(200 + 1800 * random()),
  appeal: 0.5 * normal(),
}))

const lines = ['time,reader,plan,article,topics,words,device,opened,seconds']
const start = Date.UTC(2026, 0, 5)
for (let i = 0; i < rows; i++) {
  const day = (i / rows) * days
  const time = new Date(start + Math.floor(day * 86_400_000)).toISOString()
  const reader = readerOf(day)
  const article = pieces[Math.floor(random() * articles)]
  const liking = article.topics.reduce((sum, topic) => sum + reader.likes[topics.indexOf(topic)], reader.keenness)
  const opened = random() < 1 / (1 + Math.exp(-(liking + article.appeal - 0.5)))
  const seconds = opened ? Math.round(article.words * 0.15 * random() * (1 + Math.max(0, liking) / 2)) : 0
  const device = random() < 0.7 ? 'phone' : 'desktop'
  const { id, plan } = reader
  lines.push(
    [time, id, plan, article.id, article.topics.join('|'), article.words, device, Number(opened), seconds].join(),
  )
}
process.stdout.write(`${lines.join('\n')}\n`)
