// Somebody who signs in with a browser that runs no scripts: keeps cookies, follows redirects, fills forms.

const attributes = (tag) => Object.fromEntries([...tag.matchAll(/([a-z]+)="([^"]*)"/g)].map(([, name, value]) => [name, unescape(value)]))
const unescape = (text) => text.replace(/&(?:amp|lt|gt|quot|#(\d+));/g, (entity, code) => code
  ? String.fromCodePoint(Number(code))
  : { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"' }[entity])

export class Person {
  cookies = new Map()
  /** Where the last step ended, and what was there. At an address of nobody's origin the browser stops. */
  at
  page = ''

  constructor(nobody) {
    this.nobody = nobody
  }

  async visit(address, form) {
    for (let url = new URL(address), hops = 0; ; hops++) {
      this.at = url
      if (url.origin === this.nobody) return
      if (hops > 20) throw new Error(`redirected for ever, at last to ${url.pathname}`)
      const response = await fetch(url, {
        redirect: 'manual', method: form ? 'POST' : 'GET', body: form,
        headers: { accept: 'text/html', cookie: [...this.cookies].map((pair) => pair.join('=')).join('; ') },
      })
      for (const line of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]*)=([^;]*)/.exec(line)
        this.cookies.set(name, value)
        if (/;\s*max-age=(0|-)/i.test(line)) this.cookies.delete(name)
      }
      this.page = await response.text()
      if (response.status !== 303 && response.status !== 302) return
      url = new URL(response.headers.get('location'), url)
      form = undefined
    }
  }

  /** submit fills the page's form of this id and sends it, with what the page itself has put into it. */
  submit(id, filled) {
    const [, form] = new RegExp(`<form (id="${id}".*?)</form>`, 's').exec(this.page) ?? []
    if (!form) throw new Error(`${this.at} has no form ${id}:\n${this.page}`)
    const hidden = [...form.matchAll(/<input\b[^>]*>/g)].map(([tag]) => attributes(tag)).filter((input) => input.type === 'hidden')
    const values = new URLSearchParams(hidden.map((input) => [input.name, input.value]))
    for (const [name, value] of Object.entries(filled)) values.set(name, value)
    return this.visit(new URL(attributes(form).action, this.at), values)
  }
}
