/** The downstream model. D user embedding, X article features. */

export interface Article {
  readonly id: string
  readonly topics: readonly string[]
  readonly words: number
}

const topics = ['politics', 'sports', 'science', 'culture', 'travel', 'money']
/** X: a constant, the length, and a topic each. */
const features = 2 + topics.length

/** A logistic regression over the product of what is known of the reader and of the article, learnt from each answer. */
export class Ranker {
  readonly #learningRate = 0.1
  readonly #dim: number
  /** [X, D + 1] the last column is the article's alone, the same for all readers. */
  readonly #weights: Float64Array

  constructor(dim: number) {
    this.#dim = dim
    this.#weights = new Float64Array(features * (dim + 1))
  }

  /** @param embedding [D]. @returns the probability that the reader opens the article */
  predict(embedding: Float32Array, article: Article): number {
    let logit = 0
    this.#visit(embedding, article, (at, input) => {
      logit += this.#weights[at] * input
    })
    return 1 / (1 + Math.exp(-logit))
  }

  /** Takes a step towards what the reader did. */
  learn(embedding: Float32Array, article: Article, opened: boolean): void {
    const error = Number(opened) - this.predict(embedding, article)
    this.#visit(embedding, article, (at, input) => {
      this.#weights[at] += this.#learningRate * error * input
    })
  }

  #visit(embedding: Float32Array, article: Article, visit: (at: number, input: number) => void): void {
    const inputs = [1, article.words / 1_000 - 1, ...topics.map((topic) => Number(article.topics.includes(topic)))]
    for (const [x, input] of inputs.entries()) {
      if (input === 0) continue
      const row = x * (this.#dim + 1)
      for (let d = 0; d < this.#dim; d++) visit(row + d, input * embedding[d])
      visit(row + this.#dim, input)
    }
  }
}
