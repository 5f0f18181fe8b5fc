import { expect, test } from 'vitest'
import { Html, html } from './html.ts'

test('strings and numbers put in are escaped, markup is not', () => {
  const name = `<b title="x">'&'</b>`
  expect(html`<p title="${name}">${new Html('<i>')}${3}${null}</p>`.text).toBe(
    '<p title="&lt;b title=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;"><i>3</p>',
  )
})

test('lists are joined without separators', () => {
  expect(html`<ul>${['a<', 'b'].map((item) => html`<li>${item}</li>`)}</ul>`.text).toBe(
    '<ul><li>a&lt;</li><li>b</li></ul>',
  )
})
