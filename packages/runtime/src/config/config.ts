/**
 * Sizes of both towers, their defaults being the presets. A token is a vector of d numbers; a level of the user tower turns
 * n tokens into fewer. Shape letters: d token width, n tokens of a level's input, K embeddings of D.
 */
export interface ModelConfig {
  readonly user: UserTowerConfig
  readonly embeddings: EmbeddingsConfig
  readonly mix: MixTowerConfig
  /** Probability, on hidden units of MLPs, in training. */
  readonly dropout: number
}

export interface UserTowerConfig {
  /** d, a multiple of 4. */
  readonly tokenWidth: number
  /** How the values of a bag become its one token. */
  readonly bags: 'mean' | 'sum' | 'attention'
  readonly dense: DenseTokensConfig
  /** Used where the schema has a sequence. */
  readonly sequence: SequenceConfig
  /** From the inputs to the head; each has fewer tokens than the one before. */
  readonly levels: readonly LevelConfig[]
}

export interface DenseTokensConfig {
  /** Tokens made of all dense values, handed to every level. 0: dense values are not used. */
  readonly tokens: number
  /** Center and scale the values by the first round's examples. */
  readonly standardize: boolean
  readonly encoding: DenseEncoding
}

export type DenseEncoding =
  | { readonly kind: 'plain' }
  /** `frequencies`, a multiple of 4, sines and cosines of each value; they start normal with deviation `sigma`. */
  | { readonly kind: 'periodic'; readonly frequencies: number; readonly sigma: number }
  /** Piecewise linear between quantiles of the first round's examples. */
  | { readonly kind: 'piecewise'; readonly bins: number }

/** What of the events tokens are made of; a sequence that makes none is not used. */
export interface SequenceConfig {
  /** Transformer blocks over the events. */
  readonly blocks: number
  /** Heads of their attention, a divisor of d into multiples of 4. */
  readonly heads: number
  /** Hidden units of their MLPs. */
  readonly hidden: number
  /** Tokens that attention pools from all events, one a query. */
  readonly pooled: number
  /** The last events that are tokens of their own. */
  readonly recent: number
  /** True: a token for each of the sequence's weights, the sum of the events' vectors by it. Absent: without them. */
  readonly sums?: boolean
}

/** Extractors side by side, whose tokens are concatenated; null: without it. */
export interface LevelConfig {
  readonly mlp: MlpConfig | null
  readonly compression: CompressionConfig | null
  readonly cross: CrossConfig | null
  readonly mixer: MixerConfig | null
  /** Of each token of the level's output. */
  readonly norm: 'layer' | 'rms' | 'none'
  /** False: without the map of the level's input that its tokens are added to. Absent: with it. */
  readonly residual?: boolean
  /** False: the dense tokens are not handed in again. Absent: they are. */
  readonly dense?: boolean
}

/** A two-layer MLP over all tokens. */
export interface MlpConfig {
  readonly tokens: number
  readonly hidden: number
}

/** Attentive dot products of the tokens with `columns` weighted sums of them, and an MLP over these. */
export interface CompressionConfig {
  readonly tokens: number
  /** A multiple of 4, at most n. */
  readonly columns: number
  readonly hidden: number
}

/** Low-rank deep & cross layers (DCN V2), and a map over tokens. */
export interface CrossConfig {
  readonly tokens: number
  readonly layers: number
  /** At most n · d. */
  readonly rank: number
}

/** One MLP-Mixer block, and a map over tokens. */
export interface MixerConfig {
  readonly tokens: number
  readonly tokenHidden: number
  readonly channelHidden: number
}

export interface EmbeddingsConfig {
  /** K, embeddings a user. */
  readonly count: number
  /** D, width of an embedding, a multiple of 4. */
  readonly width: number
  /** Of each embedding: layer norm without gain and shift, a largest Euclidean norm, or nothing. */
  readonly norm: 'layer' | 'bound' | 'none'
  /** The largest norm; only 'bound' reads it. */
  readonly bound: number
  /** λ of the decorrelation loss over a batch's embeddings; 0: off. */
  readonly decorrelation: number
}

export interface MixTowerConfig {
  /** Columns of a looked-up item or context feature, a multiple of 4. */
  readonly width: number
  readonly interaction: InteractionConfig
  /** Hidden units of each layer, first to last. */
  readonly hidden: readonly number[]
}

export type InteractionConfig =
  /** Dot products of `dots` slices of user and item, which divide K · D into multiples of 4. */
  | { readonly kind: 'grouped'; readonly dots: number }
  /** All dot products between the K embeddings and `vectors` item vectors of D. */
  | { readonly kind: 'pairwise'; readonly vectors: number }
