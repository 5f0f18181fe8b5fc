/** Small logs of the forms that examples/logs converts, made up, with what a reader should find in them. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'

const checkout = fileURLToPath(new URL('../../../../', import.meta.url))

/** A log of examples/logs, and the folder that its README has it unpacked into. */
export const knownLogs = [
  { name: 'movietweetings', folder: '100K', write: writeMovieTweetings },
  { name: 'movielens', folder: 'ml-latest-small', write: writeMovieLens },
  { name: 'movielens', folder: 'ml-1m', write: writeMovieLens1M },
  { name: 'mind', folder: 'MINDsmall_train', write: writeTwoOfMind },
] as const

/** A copy of a folder of examples/logs, in which its commands can be typed. */
export function copyOfExample(name: string): string {
  const home = temporaryDirectory()
  const logs = join(home, 'examples/logs')
  mkdirSync(logs, { recursive: true })
  for (const path of ['packages', 'examples/logs/convert.mjs']) symlinkSync(join(checkout, path), join(home, path))
  cpSync(join(checkout, 'examples/logs', name), join(logs, name), { recursive: true })
  return join(logs, name)
}

/** The commands of a README, one a line. */
export const commandsOf = (directory: string): readonly string[] =>
  [...readFileSync(join(directory, 'README.md'), 'utf8').matchAll(/^ {4}((?:node|npx) .*)$/gm)].map(([, line]) => line)

/** User, item, time in ms, and the values of the schema's fields. */
export type FoundRow = readonly [user: string, item: string, timeMs: number, ...values: unknown[]]

interface Movie {
  readonly id: string
  readonly title: string
  readonly year: number
  readonly genres: readonly string[]
}

const genres = ['Drama', 'Comedy', 'Sci-Fi', 'Horror', 'Children']
/** With all that a split by commas or quotes would break at. */
const titles = ['A "quoted" one', 'Hen, The', "Étude d'été", 'Semi; colon|bar', 'Plain']

/** The last movie has no genre that is known. */
function movies(count: number, id: (n: number) => string): Movie[] {
  return Array.from({ length: count }, (_, n) => ({
    id: id(n),
    title: `${titles[n % titles.length]} ${n}`,
    year: 1950 + n,
    genres: n === count - 1 ? [] : genres.filter((_, g) => g === n % 5 || g === (n * 7 + 2) % 5),
  }))
}

/** Ratings by users of different kindness, in no order; several at one time. */
function ratings(count: number, known: readonly Movie[], scale: number) {
  const random = seededRandom(11)
  return Array.from({ length: count }, () => {
    const user = 1 + random.nextBelow(200)
    const movie = known[random.nextBelow(known.length)]
    const kindness = (user % 3) - 1
    const stars = Math.min(10, Math.max(1, 6 + 2 * kindness + random.nextBelow(5) - 2))
    return { user, movie, rating: stars * scale, timeS: 1_362_062_300 + 600 * random.nextBelow(20_000) }
  })
}

const lines = (path: string, rows: readonly string[]) => writeFileSync(path, `${rows.join('\n')}\n`)

/** A folder with `ratings.dat` and `movies.dat` of MovieTweetings. */
function writeMovieTweetings(folder: string, count: number): FoundRow[] {
  mkdirSync(folder, { recursive: true })
  const known = movies(30, (n) => String(n * 97).padStart(7, '0'))
  const rated = ratings(count, known, 1)
  lines(
    join(folder, 'ratings.dat'),
    rated.map(({ user, movie, rating, timeS }) => [user, movie.id, rating, timeS].join('::')),
  )
  lines(
    join(folder, 'movies.dat'),
    known.map(({ id, title, year, genres }) => `${id}::${title} (${year})::${genres.join('|')}`),
  )
  return rated.map(({ user, movie: { id, genres, year }, rating, timeS }) => {
    return [String(user), id, 1000 * timeS, genres.length > 0 ? genres : null, year, rating]
  })
}

const quoted = (text: string) => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
const noGenre = '(no genres listed)'
const moviesOfLens = () => movies(30, (n) => String(n + 1))
const foundOfLens = (rated: ReturnType<typeof ratings>): FoundRow[] =>
  rated.map(({ user, movie: { id, genres }, rating, timeS }) => {
    return [String(user), id, 1000 * timeS, genres.length > 0 ? genres : [noGenre], rating]
  })

/** A folder with `ratings.csv` and `movies.csv` of MovieLens. */
function writeMovieLens(folder: string, count: number): FoundRow[] {
  mkdirSync(folder, { recursive: true })
  const known = moviesOfLens()
  const rated = ratings(count, known, 0.5)
  lines(join(folder, 'ratings.csv'), [
    'userId,movieId,rating,timestamp',
    ...rated.map(({ user, movie, rating, timeS }) => [user, movie.id, rating.toFixed(1), timeS].join()),
  ])
  lines(join(folder, 'movies.csv'), [
    'movieId,title,genres',
    ...known.map(({ id, title, year, genres }) =>
      [id, quoted(`${title} (${year})`), genres.join('|') || noGenre].join(),
    ),
  ])
  return foundOfLens(rated)
}

/** A folder with `ratings.dat` and `movies.dat` of MovieLens 1M, whose titles are Latin-1. */
function writeMovieLens1M(folder: string, count: number): FoundRow[] {
  mkdirSync(folder, { recursive: true })
  const known = moviesOfLens()
  const rated = ratings(count, known, 0.5).map((own) => ({ ...own, rating: Math.ceil(own.rating) }))
  lines(
    join(folder, 'ratings.dat'),
    rated.map(({ user, movie, rating, timeS }) => [user, movie.id, rating, timeS].join('::')),
  )
  const text = known.map(({ id, title, year, genres }) => {
    const named = genres.map((genre) => (genre === 'Children' ? "Children's" : genre))
    return `${id}::${title} (${year})::${named.join('|') || noGenre}\n`
  })
  writeFileSync(join(folder, 'movies.dat'), text.join(''), 'latin1')
  return foundOfLens(rated)
}

const articles = Array.from({ length: 40 }, (_, n) => ({
  id: `N${1000 + 7 * n}`,
  category: ['news', 'sports', 'weather', 'shopping'][n % 4],
  subcategory: `sub-${n % 9}`,
}))

/** MIND of a folder and of another beside it, of which a glob makes one log: a tenth as many impressions as asked for rows. */
function writeTwoOfMind(folder: string, rows: number): FoundRow[] {
  const dev = join(dirname(folder), 'MINDsmall_dev')
  return [...writeMind(folder, rows / 10), ...writeMind(dev, rows / 50, { dayOfMonth: 15 })]
}

/** "11/9/2019 9:05:58 AM". */
function american(timeS: number): string {
  const time = new Date(1000 * timeS)
  const two = (part: number) => String(part).padStart(2, '0')
  const hour = time.getUTCHours()
  const date = [time.getUTCMonth() + 1, time.getUTCDate(), time.getUTCFullYear()].join('/')
  return `${date} ${hour % 12 || 12}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} ${hour < 12 ? 'AM' : 'PM'}`
}

/**
 * A folder with `behaviors.tsv` and `news.tsv` of MIND: impressions of some ten articles, every tenth without earlier clicks.
 * @param isTest does not say what was clicked
 */
export function writeMind(folder: string, impressions: number, { isTest = false, dayOfMonth = 9 } = {}): FoundRow[] {
  mkdirSync(folder, { recursive: true })
  const random = seededRandom(dayOfMonth)
  const found: FoundRow[] = []
  const shown = Array.from({ length: impressions }, (_, n) => {
    const user = `U${random.nextBelow(200)}`
    const timeS = Date.UTC(2019, 10, dayOfMonth) / 1000 + random.nextBelow(5 * 86_400)
    const items = Array.from({ length: 4 + random.nextBelow(12) }, () => {
      const article = articles[random.nextBelow(articles.length)]
      const clicked = random.nextFloat() < (article.category === 'sports' ? 0.3 : 0.05) ? 1 : 0
      found.push([user, article.id, 1000 * timeS, [article.category], article.subcategory, clicked])
      return isTest ? article.id : `${article.id}-${clicked}`
    })
    const history = n % 10 === 0 ? '' : `${articles[n % 40].id} ${articles[(n + 3) % 40].id}`
    return [n + 1, user, american(timeS), history, items.join(' ')].join('\t')
  })
  lines(join(folder, 'behaviors.tsv'), shown)
  const news = articles.map(({ id, category, subcategory }) =>
    [id, category, subcategory, `A "title" of ${id}`, `It's one`, 'https://example.com', '[]', '[{"Label": "x"}]'].join(
      '\t',
    ),
  )
  lines(join(folder, 'news.tsv'), news)
  return found
}
