// The example apps in a browser, signed in by a running Signet: examples/webapp, examples/spa and examples/api.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { launch, setting } from './browser.mjs'

const signet = setting('SIGNET')
const webapp = setting('WEBAPP')
const spa = setting('SPA')
const [email, password] = [setting('EMAIL'), setting('PASSWORD')]
// An app with an address of its own scheme, as phones have, and what it is sent to Signet with.
const nativeRedirect = setting('NATIVE_REDIRECT_URI')
const nativeRequest = `${signet}/oauth2/authorize?` + new URLSearchParams({
  client_id: setting('NATIVE_CLIENT_ID'), redirect_uri: nativeRedirect, response_type: 'code', scope: 'openid', state: 's',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256',
})

let browser
/** What any page complained about: a policy that was violated, a script that failed. */
const complaints = []

before(async () => { browser = await launch() })
after(() => browser?.close())

/** open opens a browser that has no cookies. */
async function open(options) {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(10_000)
  context.on('console', (message) => {
    // A refused renewal is one of the tests, and Chromium reports every 4xx.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(message.text())
  })
  context.on('weberror', (error) => complaints.push(String(error.error())))
  return context
}

const form = (page) => page.locator('#login-form')
const isAt = (page, origin) => page.waitForURL((url) => url.origin === origin)

/** logIn fills the login page that a page has been led to. */
async function logIn(page, secret = password) {
  await form(page).waitFor()
  assert.equal(new URL(page.url()).origin, signet)
  await page.fill('input#username[name=username]', email)
  await page.fill('input#password[name=password]', secret)
  await page.click('button#login-submit')
}

async function consent(page) {
  await page.locator('form#consent-form').waitFor()
  await page.click('button#consent-accept')
}

const says = (page, id, text) => page.locator(`#${id}`, { hasText: text }).waitFor()
const noComplaints = () => assert.deepEqual(complaints.splice(0), [])

// Each test goes on where the one before it ended.
describe('the example apps', () => {
  let context, web, app

  before(async () => {
    context = await open()
    web = await context.newPage()
    app = await context.newPage()
  })
  const logInAtWeb = async () => {
    await web.goto(webapp)
    await web.click('#login')
    await logIn(web)
  }
  const logInAtApp = async () => {
    await app.goto(spa)
    await app.click('#login')
  }
  const signedInAtWeb = () => says(web, 'email', email)
  const signedInAtApp = () => says(app, 'name', 'Demo User')

  test('whoever cancels or denies is back at the app, signed out', async () => {
    await web.goto(webapp)
    await web.click('#login')
    await web.click('button#login-cancel')
    await says(web, 'fault', 'You did not sign in.')
    await isAt(web, webapp)

    await logInAtApp()
    await app.click('button#login-cancel')
    await says(app, 'message', 'You did not sign in.')
    assert.equal(app.url(), `${spa}/`)
    noComplaints()
  })

  test('signs in at the web application', async () => {
    await web.goto(webapp)
    await web.click('#login')
    await logIn(web, 'not-the-Password-1')
    await web.locator('[role=alert], .faults, #login-form [aria-invalid=true]').first().waitFor()
    assert.equal(await web.inputValue('#username'), email)
    await logIn(web)
    await web.locator('form#consent-form').waitFor()
    await web.click('button#consent-deny')
    await says(web, 'fault', 'You did not sign in.')

    await web.click('#login') // signed in at Signet by now, and asked again
    await consent(web)
    await signedInAtWeb()
    assert.equal(web.url(), `${webapp}/`)
    assert.equal(await web.evaluate(() => document.cookie), '')
    noComplaints()
  })

  test('refreshes there', async () => {
    await web.click('#refresh')
    await says(web, 'refreshes', '1')
    await web.click('#refresh')
    await says(web, 'refreshes', '2')
    await signedInAtWeb()
  })

  test('signs in at the single-page app without a password', async () => {
    await logInAtApp()
    await consent(app) // it has not asked for this app yet
    await signedInAtApp()
    assert.equal(app.url(), `${spa}/`)
    const claims = JSON.parse(await app.locator('#claims').textContent())
    assert.equal(claims.iss, signet)
    assert.equal(claims.email, email)
    await app.reload()
    await signedInAtApp()
    noComplaints()
  })

  test('calls the API', async () => {
    await app.click('#call')
    await says(app, 'orders', 'Teapot')
    noComplaints()
  })

  test('renews there, by the button and by itself', async () => {
    const generation = async () => Number(await app.locator('#generation').textContent())
    await app.click('#renew')
    while (await generation() < 2) await sleep(50)
    const before = await generation()
    while (await generation() <= before) await sleep(50) // within the test's timeout: a minute before the token expires
    await app.click('#call')
    await says(app, 'orders', 'Teapot')
    noComplaints()
  })

  test('signing out at the single-page app ends the session of the web application', async () => {
    await app.click('#logout')
    await says(app, 'message', 'You are signed out.')
    assert.equal(app.url(), `${spa}/`)
    assert.equal(await app.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage })), '{}')
    for (;;) { // told by Signet, through the back channel
      await web.goto(webapp)
      if (await web.locator('#login').isVisible()) break
      await sleep(100)
    }
    noComplaints()
  })

  test('signs in again: the password is asked for, the consent is remembered', async () => {
    await logInAtWeb() // the answer to the login form ends in a redirect to the app
    await signedInAtWeb()
    await logInAtApp() // no page at all
    await signedInAtApp()
    noComplaints()
  })

  test('signing out at the web application ends the session of the single-page app at its next renewal', async () => {
    await web.click('#logout')
    await says(web, 'message', 'You are signed out')
    await isAt(web, webapp)
    await says(app, 'message', 'Your session has ended')
    await app.locator('#login').waitFor()
    await app.click('#login')
    await form(app).waitFor()
    noComplaints()
  })

  test('a form whose answer leads to an app with a scheme of its own is not blocked', async () => {
    const native = await (await open()).newPage()
    await native.goto(nativeRequest)
    // The browser knows no such app. That it was led there shows in its answer to the redirect.
    const answer = native.waitForResponse((response) => response.headers().location?.startsWith(nativeRedirect))
    await logIn(native)
    assert.match((await answer).headers().location, /[?&]code=.*[?&]?/)
    await sleep(500) // a violation is reported a moment later
    noComplaints()
    await native.context().close()
  })
})

test('the web application needs no script of ours', async () => {
  const context = await open({ javaScriptEnabled: false })
  const page = await context.newPage()
  await page.goto(webapp)
  await page.click('#login')
  await logIn(page)
  await says(page, 'email', email)
  await page.click('#refresh')
  await says(page, 'refreshes', '1')
  await page.click('#logout')
  await says(page, 'message', 'You are signed out')
  await isAt(page, webapp)
  await page.click('#login')
  await form(page).waitFor()
  noComplaints()
  await context.close()
})
