/** Models' snapshots, and what promotes and rolls them back. */
import { byId, element, say, table } from './dom.js'
import { cosine, count, moment } from './format.js'
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
      const cells = [
        `${snapshot}`,
        badge,
        moment(dataCutoffMs),
        `${frame}`,
        moment(publishedMs),
        cosine(drift?.centredCosine),
        cosine(drift?.residual),
        cosine(drift?.varianceKept),
        drift === null ? '–' : drift.effectiveRank.toFixed(1),
      ]
      return changes ? [...cells, state === 'served' ? '' : this.#promoteButton(model, each)] : cells
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
      ...(changes ? ['Serve it'] : []),
    ]
    const more = newestFirst.length - most
    return [
      element(
        'div',
        { class: 'model-head' },
        element('h3', {}, element('code', {}, model), ` ${count(dim)} values`),
        ...(changes ? [this.#rollbackButton(model)] : []),
      ),
      ...(isManaged ? [] : [element('p', { class: 'muted' }, 'Its snapshots are chosen where it is published.')]),
      table(`Snapshots of ${model}`, heads, rows),
      ...(more > 0 ? [this.#moreButton(model, more)] : []),
      ...(shadow === null ? [] : [element('p', { class: 'shadow' }, shadowWords(shadow))]),
      ...(change === null || change.state === 'served' ? [] : [element('p', { class: 'change' }, changeWords(change))]),
    ]
  }

  /**
   * @param {string} model
   * @param {any} snapshot
   */
  #promoteButton(model, { snapshot, state, dataCutoffMs }) {
    const button = element(
      'button',
      { type: 'button', class: 'quiet', 'aria-label': `Promote snapshot ${snapshot} of ${model}` },
      'Promote',
    )
    const held = state === 'held' ? ' The gate holds it, so the service may refuse.' : ''
    button.addEventListener('click', () =>
      this.#ask(
        `Promote snapshot ${snapshot} of ${model}?`,
        `Refreshes of all tenants go through it once it is loaded. Its data goes to ${moment(dataCutoffMs)}.${held}`,
        'Promote',
        async () => said(await ask(`v1/models/${encodeURIComponent(model)}/promote`, { snapshot })),
      ),
    )
    return button
  }

  /** @param {string} model */
  #rollbackButton(model) {
    const label = `Roll back ${model}`
    const button = element('button', { type: 'button', class: 'quiet', 'aria-label': label }, 'Roll back')
    button.addEventListener('click', () =>
      this.#ask(
        `Roll back ${model}?`,
        'The snapshot that was served before is served again, to all tenants. A second time goes back further.',
        'Roll back',
        async () => said(await ask(`v1/models/${encodeURIComponent(model)}/rollback`, null)),
      ),
    )
    return button
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
