// examples/spa-account in a browser, against a running Signet whose CORS settings know the app's origin, and whose
// mails lead to the app.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { launch, serveEmptyPage, setting } from './browser.mjs'
import { linkInMail } from './mailbox.mjs'

const app = setting('APP')
const signet = setting('SIGNET')
const mails = setting('MAILS')
const api = `${signet}/api/accounts/v1/`
const email = 'ada.lovelace@example.com'
const stranger = 'mallory@example.com'
const [accessCookie, refreshCookie] = ['my-app-auth', 'my-refresh-token']

// Each test goes on where the one before it ended.
describe('the single-page app', () => {
  const linksUsed = new Set()
  let password = 'kettle-Bridge-77'
  let browser, context, page
  /** What the page asked the API, as "METHOD path/ status". */
  let asked = []

  before(async () => {
    browser = await launch()
    context = await browser.newContext()
    context.setDefaultTimeout(10_000)
    page = await context.newPage()
    page.on('response', (response) => {
      if (response.url().startsWith(api) && response.request().method() !== 'OPTIONS') {
        asked.push(`${response.request().method()} ${response.url().slice(api.length)} ${response.status()}`)
      }
    })
  })
  after(() => browser?.close())

  const view = (name) => page.locator(`section[data-view="${name}"]`)
  const shows = (name) => view(name).waitFor()
  const says = (text) => page.getByText(text).waitFor()
  const press = (button) => page.getByRole('button', { name: button, exact: true }).click()
  const fill = async (form, values) => {
    for (const [name, value] of Object.entries(values)) await page.locator(`form[name=${form}] [name=${name}]`).fill(value)
  }
  const logIn = async (address, secret) => {
    await fill('login', { email: address, password: secret })
    await press('Log in')
  }
  const cookies = async () => Object.fromEntries((await context.cookies(signet)).map((cookie) => [cookie.name, cookie]))
  const accessTokenExpires = async () => {
    while (accessCookie in await cookies()) await sleep(100)
    asked = []
  }
  const signUp = async (address, secret) => {
    await page.goto(`${app}/#/sign-up`)
    await fill('signUp', { email: address, password1: secret, password2: secret })
    await press('Sign up')
    await shows('mail-sent')
  }
  const confirm = async (address) => {
    await page.goto(await linkInMail(mails, address, `${app}/#/verify-email/`, linksUsed))
    await press('Confirm')
    await says('your address is confirmed')
  }

  test('shows what the server refuses beside the fields', async () => {
    await page.goto(`${app}/#/sign-up`)
    await fill('signUp', { email, password1: '1234567', password2: '1234567' })
    await press('Sign up')
    await says('This password is too short. It must contain at least 8 characters. This password is too common. This password is entirely numeric.')
    assert.equal(await page.locator('[name=password1][aria-invalid=true]').count(), 1)
  })

  test('signs up, and confirms by the link in the mail', async () => {
    await signUp(email, password)
    await page.getByRole('link', { name: 'Log in' }).click()
    await logIn(email, password)
    await says('E-mail is not verified.')
    const link = await linkInMail(mails, email, `${app}/#/verify-email/`, linksUsed)
    assert.ok((await fetch(link)).ok) // as a mail scanner follows it: that confirms nothing
    await page.goto(link)
    await press('Confirm')
    await says('your address is confirmed')
    await page.goto(link)
    await press('Confirm')
    await says('This link does not work')
  })

  test('logs in by cookies that no script reads', async () => {
    await page.goto(`${app}/#/`)
    await logIn(email, 'not-the-Password-1')
    await says('Unable to log in with provided credentials.')
    await logIn(email, password)
    await says(`Logged in as ${email}`)
    const jar = await cookies()
    for (const name of [accessCookie, refreshCookie]) {
      assert.ok(jar[name].httpOnly, name)
      assert.equal(jar[name].sameSite, 'Lax', name)
    }
    assert.equal(await page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })), '{}')
  })

  test('a reload keeps the session', async () => {
    await page.reload()
    await says(`Logged in as ${email}`)
  })

  test('refreshes when the access token has expired', async () => {
    const before = (await cookies())[refreshCookie].value
    await accessTokenExpires()
    await page.reload()
    await says(`Logged in as ${email}`)
    assert.deepEqual(asked, ['GET user/ 401', 'POST token/refresh/ 200', 'GET user/ 200'])
    assert.notEqual((await cookies())[refreshCookie].value, before)
  })

  test('edits names, refreshing on the way', async () => {
    await accessTokenExpires()
    await fill('names', { first_name: 'Ada', last_name: '러브레이스' })
    await press('Save')
    await says('Saved.')
    assert.deepEqual(asked, ['PATCH user/ 401', 'POST token/refresh/ 200', 'PATCH user/ 200'])
    await page.reload()
    await says(`Logged in as ${email}`)
    assert.equal(await page.getByLabel('First name').inputValue(), 'Ada')
    assert.equal(await page.getByLabel('Last name').inputValue(), '러브레이스')
  })

  test('unsafe requests from another origin fail', async (t) => {
    await signUp(stranger, password) // somebody who wants others to work in his account
    await confirm(stranger)
    const elsewhere = await context.newPage() // the cookies go with its requests: another port is the same site
    await elsewhere.goto(await serveEmptyPage(t))

    /** ask lets the other page send a request and returns what it could read, and what the server answered. */
    const ask = async (method, path, { body, mode = 'cors', type } = {}) => {
      const answers = []
      const note = (response) => answers.push(response)
      elsewhere.on('response', note)
      const read = await elsewhere.evaluate(async ([url, options]) => {
        try {
          const response = await fetch(url, { credentials: 'include', ...options })
          return response.type === 'opaque' ? 'nothing' : await response.text()
        } catch (error) {
          return error.name
        }
      }, [api + path, { method, mode, body, headers: type && { 'Content-Type': type } }])
      elsewhere.off('response', note)
      for (const answer of answers) assert.equal(await answer.headerValue('Access-Control-Allow-Origin'), null)
      return { read, statuses: answers.filter((a) => a.request().method() === method).map((a) => a.status()) }
    }
    const json = 'application/json'
    const form = 'application/x-www-form-urlencoded'

    assert.equal((await context.request.post(`${api}token/refresh/`)).status(), 200) // no request fails for an old token
    const before = await cookies()

    await t.test('with forms: the server refuses', async () => {
      for (const [path, body] of [
        ['password/change/', `old_password=${password}&new_password1=stolen-Bridge-77&new_password2=stolen-Bridge-77`],
        ['logout/', ''], ['token/refresh/', ''], ['login/', `email=${stranger}&password=${password}`],
      ]) {
        assert.deepEqual(await ask('POST', path, { body, type: form, mode: 'no-cors' }), { read: 'nothing', statuses: [403] }, path)
      }
    })

    await t.test('with JSON, for which the browser asks first: it hears no', async () => {
      for (const [method, path, body] of [
        ['POST', 'login/', { email: stranger, password }], ['PATCH', 'user/', { first_name: 'Mallory' }], ['POST', 'logout/', {}],
        ['POST', 'password/change/', { old_password: password, new_password1: 'stolen-Bridge-77', new_password2: 'stolen-Bridge-77' }],
      ]) {
        assert.deepEqual(await ask(method, path, { body: JSON.stringify(body), type: json }), { read: 'TypeError', statuses: [] }, path)
      }
    })

    await t.test('and what is safe cannot be read', async () => {
      assert.deepEqual(await ask('GET', 'user/'), { read: 'TypeError', statuses: [] })
    })

    await t.test('nothing has changed', async () => {
      assert.deepEqual((await cookies())[refreshCookie], before[refreshCookie])
      await page.reload()
      await says(`Logged in as ${email}`)
      assert.equal(await page.getByLabel('First name').inputValue(), 'Ada')
    })
    await elsewhere.close()
  })

  test('changes the password, and ends the sessions of other devices', async () => {
    const other = await browser.newContext()
    assert.equal((await other.request.post(`${api}login/`, { data: { email, password } })).status(), 200)

    await fill('changePassword', { old_password: 'not-the-Password-1', new_password1: 'harbour-Lantern-31', new_password2: 'harbour-Lantern-31' })
    await press('Change password')
    await says('Your old password was entered incorrectly. Please enter it again.')
    await fill('changePassword', { old_password: password })
    await press('Change password')
    await says('Your password is changed.')
    password = 'harbour-Lantern-31'

    await accessTokenExpires()
    await page.reload()
    await says(`Logged in as ${email}`)
    assert.equal((await other.request.post(`${api}token/refresh/`)).status(), 401)
    await other.close()
  })

  test('logs out, and what the cookies held is dead', async () => {
    const token = (await cookies())[refreshCookie].value
    await press('Log out')
    await says('You are logged out.')
    await shows('login')
    const jar = await cookies()
    assert.ok(!(accessCookie in jar) && !(refreshCookie in jar), Object.keys(jar).join())
    await page.reload()
    await shows('login')
    const again = await context.request.post(`${api}token/refresh/`, { data: { refresh: token } })
    assert.equal(again.status(), 401)
  })

  test('resets a forgotten password by the link in the mail', async () => {
    await page.getByRole('link', { name: 'Forgotten your password?' }).click()
    await fill('forgotPassword', { email })
    await press('Send the link')
    await says('Look into your mail')
    const link = await linkInMail(mails, email, `${app}/#/reset-password/`, linksUsed)
    const choose = async (chosen, repeated) => {
      await page.goto(link)
      await fill('resetPassword', { new_password1: chosen, new_password2: repeated })
      await press('Set password')
    }
    await choose('orchard-Pebble-58', 'orchard-Pebble-85')
    await says('The two password fields didn’t match.')
    await choose('orchard-Pebble-58', 'orchard-Pebble-58')
    await says('Log in with your new password.')
    await choose('glacier-Saddle-64', 'glacier-Saddle-64')
    await says('This link does not work')
    await page.goto(`${app}/#/`)
    await logIn(email, password)
    await says('Unable to log in with provided credentials.')
    await logIn(email, 'orchard-Pebble-58')
    await says(`Logged in as ${email}`)
  })

  test('says so when the session has ended', async () => {
    await context.clearCookies()
    await press('Save')
    await says('Your session has ended: please log in again.')
    await shows('login')
  })
})
