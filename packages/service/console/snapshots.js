/** Models' snapshots, and what promotes and rolls them back. */
import { byId, element, say, table } from './dom.js'
import { cosine, count, day, duration, moment } from './format.js'
import { ask, refusalText } from './service.js'

const stateWords = {
  served: 'served',
  shadow: 'shadow',
  held: 'held by the gate',
  available: 'available',
}

/** Rows that are shown of a model at first. */
const shownFirst = 12

export class Snapshots {
  /** By model: what is shown, so that buttons are not made anew under somebody's finger. */
  #shown = new Map()
  #showsAll = new Set()
  /** By model: the snapshot that was chosen, if any. @type {Map<string, number>} */
  #chosen = new Map()
  #canChange = false
  /** @type {readonly any[]} */
  #models = []
  /** @type {(() => Promise<string>) | null} */
  #change = null

  /** @param {() => void} onChanged */
  constructor(onChanged) {
    this.onChanged = onChanged
    this.dialog = byId('confirm')
    byId('confirm-no').addEventListener('click', () => this.#dialog.close())
    byId('confirm-yes').addEventListener('click', () => this.#go())
  }

  get #dialog() {
    return /** @type {HTMLDialogElement} */ (/** @type {unknown} */ (this.dialog))
  }

  /** @param {any} data of the console */
  know({ models, caller }) {
    this.#models = models
    const can = caller.scopes.includes('admin')
    if (can !== this.#canChange) this.#shown.clear()
    this.#canChange = can
    const note = can
      ? 'A promotion or rollback is for all tenants, and for everybody who follows the directory of the model.'
      : 'Promoting and rolling back need a token with the scope admin.'
    say(byId('snapshots-note'), note)
  }

  /** Asks for the snapshots of all models. */
  async load() {
    for (const { model, isManaged } of this.#models) {
      const answer = await ask(`v1/models/${encodeURIComponent(model)}`)
      const text = JSON.stringify([answer, isManaged, this.#showsAll.has(model)])
      if (this.#shown.get(model)?.text === text) continue
      const place = this.#shown.get(model)?.place ?? this.#placeOf(model)
      place.replaceChildren(...this.#tableOf(answer, isManaged))
      this.#shown.set(model, { text, place })
    }
  }

  /** @param {string} model */
  #placeOf(model) {
    const known = [...byId('models').children].find((each) => each.getAttribute('data-model') === model)
    if (known !== undefined) return known
    const place = element('div', { class: 'model', 'data-model': model })
    byId('models').append(place)
    return place
  }

  /**
   * @param {any} answer of the model
   * @param {boolean} isManaged
   */
  #tableOf({ model, dim, snapshots, shadow, change }, isManaged) {
    const newestFirst = snapshots.toSorted((/** @type {any} */ a, /** @type {any} */ b) => b.snapshot - a.snapshot)
    const most = this.#showsAll.has(model) ? newestFirst.length : shownFirst
    const changes = isManaged && this.#canChange
    const rows = newestFirst.slice(0, most).map((/** @type {any} */ each) => {
      const { snapshot, state, frame, dataCutoffMs, publishedMs, drift } = each
      const badge = element('span', { class: `badge ${state}` }, stateWords[/** @type {'held'} */ (state)] ?? state)
      return [
        `${snapshot}`,
        badge,
        moment(dataCutoffMs),
        `${frame}`,
        moment(publishedMs),
        ...(drift === null
          ? ['not compared with one before it']
          : [
              cosine(drift.centredCosine),
              cosine(drift.residual),
              cosine(drift.varianceKept),
              drift.effectiveRank.toFixed(1),
            ]),
      ]
    })
    const heads = [
      'Snapshot',
      'State',
      'Data to',
      'Frame',
      'Published',
      'Centred cosine',
      'Residual',
      'Variance kept',
      'Effective rank',
    ]
    const more = newestFirst.length - most
    return [
      element(
        'div',
        { class: 'model-head' },
        element('h3', {}, element('code', {}, model), ` ${count(dim)} values`),
        ...(changes ? [this.#changeRow(model, newestFirst)] : []),
      ),
      ...(isManaged ? [] : [element('p', { class: 'muted' }, 'Its snapshots are chosen where it is published.')]),
      table(`Snapshots of ${model}`, heads, rows),
      ...(more > 0 ? [this.#moreButton(model, more)] : []),
      ...(shadow === null ? [] : [element('p', { class: 'shadow' }, shadowWords(shadow))]),
      ...(change === null || change.state === 'served' ? [] : [element('p', { class: 'change' }, changeWords(change))]),
    ]
  }

  /**
   * One choice of what to serve, and the way back.
   * @param {string} model
   * @param {readonly any[]} snapshots newest first
   */
  #changeRow(model, snapshots) {
    const served = snapshots.find(({ state }) => state === 'served')
    const choices = snapshots.filter((each) => each !== served)
    const select = element(
      'select',
      { 'aria-label': `Snapshot of ${model} to promote` },
      ...choices.map(({ snapshot, state, dataCutoffMs }) =>
        element(
          'option',
          { value: `${snapshot}` },
          `${snapshot}, data to ${day(dataCutoffMs)}${state === 'held' ? ', held by the gate' : ''}`,
        ),
      ),
    )
    const kept = this.#chosen.get(model)
    const chosen =
      choices.find(({ snapshot }) => snapshot === kept) ?? choices.find(({ state }) => state !== 'held') ?? choices[0]
    if (chosen !== undefined) select.value = `${chosen.snapshot}`
    select.addEventListener('change', () => this.#chosen.set(model, Number(select.value)))
    const promote = element(
      'button',
      { type: 'button', 'aria-label': `Promote the chosen snapshot of ${model}` },
      'Promote…',
    )
    promote.addEventListener('click', () => {
      const choice = choices.find(({ snapshot }) => snapshot === Number(select.value))
      this.#ask(
        `Promote snapshot ${choice.snapshot} of ${model}?`,
        effectOf(choice, served),
        `Promote snapshot ${choice.snapshot}`,
        async () => said(await ask(`v1/models/${encodeURIComponent(model)}/promote`, { snapshot: choice.snapshot })),
      )
    })
    const back = element('button', { type: 'button', class: 'quiet', 'aria-label': `Roll back ${model}` }, 'Roll back…')
    back.addEventListener('click', () =>
      this.#ask(
        `Roll back ${model}?`,
        `The snapshot that was served before${served === undefined ? '' : ` snapshot ${served.snapshot}`} is served again, to all tenants. A second time goes back further.`,
        'Roll back',
        async () => said(await ask(`v1/models/${encodeURIComponent(model)}/rollback`, null)),
      ),
    )
    return element(
      'div',
      { class: 'row' },
      ...(choices.length > 0 ? [element('label', {}, 'Snapshot ', select), promote] : []),
      back,
    )
  }

  /**
   * @param {string} model
   * @param {number} more
   */
  #moreButton(model, more) {
    const button = element('button', { type: 'button', class: 'quiet' }, `Show ${count(more)} older`)
    button.addEventListener('click', () => {
      this.#showsAll.add(model)
      this.onChanged()
    })
    return button
  }

  /**
   * @param {string} title
   * @param {string} text
   * @param {string} verb
   * @param {() => Promise<string>} change
   */
  #ask(title, text, verb, change) {
    say(byId('confirm-title'), title)
    say(byId('confirm-text'), text)
    say(byId('confirm-error'), '')
    say(byId('confirm-yes'), verb)
    this.#busy(false)
    this.#change = change
    this.#dialog.showModal()
    byId('confirm-no').focus()
  }

  async #go() {
    const change = this.#change
    if (change === null) return
    this.#busy(true)
    say(byId('confirm-error'), '')
    try {
      const told = await change()
      // Somebody may have closed it meanwhile, and asked for something else.
      if (change !== this.#change) return
      this.#dialog.close()
      say(byId('snapshots-said'), told)
      byId('snapshots').focus()
    } catch (error) {
      if (change === this.#change) say(byId('confirm-error'), refusalText(error))
    } finally {
      this.#busy(false)
      this.onChanged()
    }
  }

  /** @param {boolean} busy */
  #busy(busy) {
    const yes = /** @type {HTMLButtonElement} */ (byId('confirm-yes'))
    // Disabled it would lose the focus.
    yes.setAttribute('aria-disabled', String(busy))
    this.dialog.setAttribute('aria-busy', String(busy))
  }
}

/**
 * What a promotion does, in sentences.
 * @param {any} chosen
 * @param {any} served undefined where none is
 */
function effectOf({ snapshot, state, frame, dataCutoffMs }, served) {
  const apart = served === undefined ? 0 : (dataCutoffMs - served.dataCutoffMs) / 1000
  const later =
    apart === 0
      ? ''
      : `, ${duration(Math.abs(apart))} ${apart > 0 ? 'later' : 'earlier'} than those of ${served.snapshot}`
  return [
    `Refreshes of all tenants go through snapshot ${snapshot}${served === undefined ? '' : ` in place of ${served.snapshot}`} once it is loaded; a user reads what is stored until then.`,
    `Its data go to ${moment(dataCutoffMs)}${later}.`,
    served !== undefined && frame !== served.frame
      ? `It is of another alignment frame, ${frame} in place of ${served.frame}: vectors of both are never averaged, and models that read them must learn the new ones.`
      : '',
    state === 'held' ? 'The gate holds it, so the service may refuse.' : '',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ')
}

/** @param {any} answer */
function said({ model, snapshot, change }) {
  if (snapshot !== undefined) return `Snapshot ${snapshot} of ${model} is served.`
  return `Snapshot ${change.snapshot ?? ''} of ${model} is being loaded; the table tells once it is served.`
}

/** @param {any} shadow */
function shadowWords({ snapshot, rows, cosineMean, cosineP1, normRatioMean, sameFrame }) {
  if (rows === 0) return `Snapshot ${snapshot} is computed beside the served one; no row has gone through both yet.`
  const norms = `norm ratio ${cosine(normRatioMean)}`
  const cosines = sameFrame
    ? `mean cosine ${cosine(cosineMean)}, a hundredth below ${cosine(cosineP1)}, ${norms}`
    : `${norms}; it is of another frame, so cosines say nothing`
  return `Shadow, snapshot ${snapshot}: ${count(rows)} rows beside the served one: ${cosines}.`
}

/** @param {any} change */
function changeWords({ state, snapshot, error }) {
  const what = snapshot === null ? 'The rollback' : `Snapshot ${snapshot}`
  return state === 'loading' ? `${what} is being loaded.` : `${what} was refused. ${error.code}: ${error.message}`
}
