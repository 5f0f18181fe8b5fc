import { userPath } from '../files/paths.ts'

/** A store's URL whose path, where it has one, starts from the directory the user is in. */
export function userUrl(url: string): string {
  const [, scheme, path, options = ''] = /^((?:tiered:[^:]*:)?lmdb:)([^?]+)(\?.*)?$/s.exec(url) ?? []
  return scheme === undefined || path === undefined ? url : `${scheme}${userPath(path)}${options}`
}

/** A file, or a store's URL, as the user meant it. */
export function userPlace(place: string): string {
  return /^[a-z]+:/.test(place) ? userUrl(place) : userPath(place)
}
