/** The answer of `GET /v1/models`. */
export interface ModelsAnswer {
  readonly models: readonly ServedModelInfo[]
}

export interface ServedModelInfo {
  readonly model: string
  readonly dim: number
  /** Of the encoder that refreshes go through now; all null before one is published. */
  readonly snapshot: number | null
  readonly frame: number | null
  /** No event at or after this time was trained on, milliseconds since 1970. */
  readonly dataCutoffMs: number | null
}

/** The answer of `DELETE /v1/users/{id}`: what was removed of a user, and where. */
export interface ReceiptAnswer {
  readonly user: string
  readonly tenant: string
  readonly atMs: number
  readonly removed: readonly { readonly where: string; readonly what: string; readonly count: number }[]
  readonly failed: readonly { readonly where: string; readonly reason: string }[]
}
