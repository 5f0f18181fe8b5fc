/** Licences that go with Apache-2.0 in what is installed with the packages, and ask for no more than their notice. */
const accepted = new Set([
  ...[
    '0BSD',
    'Apache-2.0',
    'BlueOak-1.0.0',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'CC0-1.0',
    'ISC',
    'MIT',
    'Unlicense',
    'Zlib',
  ],
])

/**
 * Whether a licence is one of them: an SPDX expression, of which all parts of an AND and one of an OR must be.
 * @param {string} expression
 */
export const isAccepted = (expression) =>
  expression
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((either) => either.split(' AND ').every((licence) => accepted.has(licence)))
