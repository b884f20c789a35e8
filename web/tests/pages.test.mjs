// The pages of a running server whose mails are files: each of them in both languages, schemes and widths, and the
// way of somebody who makes an account, gets back into it and looks after it, without scripts.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { launch, setting } from './browser.mjs'
import { linkInMail } from './mailbox.mjs'
import { inEachLanguage, inspect } from './pages.mjs'

const signet = setting('SIGNET')
const mails = setting('MAILS')
// Every page of the router with where to open it, and whether somebody has to be signed in there.
const pages = JSON.parse(setting('PAGES'))
const password = 'kettle-Bridge-77'
const renewed = 'ladder-Window-31'

let browser
before(async () => { browser = await launch() })
after(() => browser?.close())

const field = (page, name) => page.locator(`[name="${name}"]:visible`)
async function fill(page, values) {
  for (const [name, value] of Object.entries(values)) await field(page, name).fill(value)
}
async function signUp(page, email) {
  await page.goto(`${signet}/signup`)
  await fill(page, { email, password1: password, password2: password })
  await page.locator('#signup-submit').click()
  await page.waitForURL(`${signet}/account/profile`)
}

test('every page can be used by everybody', async () => {
  assert.ok(pages.length > 20, `${pages.length} pages`)
  await inEachLanguage(browser, {}, async (page, language) => {
    const look = async (signedIn) => {
      for (const { path, url } of pages.filter((p) => p.signedIn === signedIn)) {
        const response = await page.goto(url, { waitUntil: 'load' })
        assert.ok(response.status() < 500, `${path}: ${response.status()}`)
        assert.match(response.headers()['content-type'], /^text\/html/, path)
        await inspect(page, path, language)
      }
    }
    await look(false)
    await signUp(page, `visitor-${language}@example.com`)
    await look(true)
  })
})

test('the keyboard alone is enough to sign in', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await signUp(page, 'keyboard@example.com')
  await context.clearCookies()
  await page.goto(`${signet}/login?next=/account/apps`)
  await page.keyboard.type('keyboard@example.com') // the focus is there
  await page.keyboard.press('Tab')
  await page.keyboard.type('wrong')
  await page.keyboard.press('Enter')
  await page.locator('#faults:focus').waitFor() // what is wrong is read out
  assert.equal(await field(page, 'username').inputValue(), 'keyboard@example.com', 'nothing is typed twice')
  await page.locator('[name=password]').focus()
  await page.keyboard.type(password)
  await page.keyboard.press('Tab')
  await page.keyboard.press('Space')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${signet}/account/apps`)
  const session = (await context.cookies()).find((cookie) => cookie.name.endsWith('signet-session'))
  assert.ok(session.expires > Date.now() / 1000 + 86400, 'it was asked to stay')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter') // the link that leads to the content
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main')
  await context.close()
})

// Each test goes on where the one before it ended.
describe('without scripts', () => {
  const email = 'ada@example.com'
  const linksUsed = new Set()
  let context, page
  before(async () => {
    context = await browser.newContext({ javaScriptEnabled: false, locale: 'en' })
    context.setDefaultTimeout(10_000)
    page = await context.newPage()
  })
  after(() => context?.close())
  const says = (text) => page.getByText(text).first().waitFor()
  const press = (name) => page.getByRole('button', { name, exact: true }).click()

  test('somebody signs up', async () => {
    await page.goto(`${signet}/account`)
    await page.getByRole('link', { name: 'Create an account' }).click()
    await fill(page, { email, password1: password, password2: `${password}x` })
    await press('Create the account')
    await says("The two password fields didn't match.")
    await fill(page, { password1: password, password2: password, first_name: 'Ada' })
    await press('Create the account')
    await page.waitForURL(`${signet}/account/profile`)
    assert.equal(await field(page, 'given_name').inputValue(), 'Ada')
  })

  test('the address is confirmed by a button, not by opening the link', async () => {
    const link = await linkInMail(mails, email, `${signet}/`, linksUsed)
    await page.goto(link)
    await says('Press the button to confirm')
    await page.reload()
    await press('Confirm')
    await says('Address confirmed')
    await page.goto(link)
    await press('Confirm')
    await says('This link does not work')
  })

  test('the profile is edited', async () => {
    await page.goto(`${signet}/account/profile`)
    await fill(page, { nickname: 'Countess', website: 'nowhere', zoneinfo: 'Europe/London' })
    await page.locator('#profile-form').evaluate((form) => form.setAttribute('novalidate', '')) // the server has the last word
    await press('Save')
    await says('Enter a valid URL.')
    assert.equal(await field(page, 'nickname').inputValue(), 'Countess')
    await fill(page, { website: 'https://ada.example/' })
    await press('Save')
    await says('Your profile is saved.')
    await page.goto(`${signet}/account/profile`)
    assert.equal(await field(page, 'website').inputValue(), 'https://ada.example/')
  })

  test('another device is signed out', async () => {
    const other = await browser.newContext({ javaScriptEnabled: false, locale: 'ko' })
    const there = await other.newPage()
    await there.goto(`${signet}/login`)
    await there.locator('#username').fill(email)
    await there.locator('#password').fill(password)
    await there.locator('#login-submit').click()
    await there.getByText('프로필').first().waitFor()
    await page.goto(`${signet}/account/sessions`)
    assert.equal(await page.locator('.rows > li').count(), 2)
    await page.getByRole('button', { name: /^Sign out \(/ }).click()
    await says('That browser is signed out.')
    await there.goto(`${signet}/account`)
    await there.locator('form#login-form').waitFor()
    await other.close()
  })

  test('the password is changed', async () => {
    await page.goto(`${signet}/account/password`)
    await fill(page, { old_password: password, new_password1: '12345678', new_password2: '12345678' })
    await press('Change the password')
    await says('This password is entirely numeric.')
    await fill(page, { old_password: password, new_password1: renewed, new_password2: renewed })
    await press('Change the password')
    await says('Your password is changed.')
  })

  test('an application is removed', async () => {
    await page.goto(setting('AUTHORIZE'))
    await page.locator('form#consent-form').waitFor()
    await press('Allow')
    await says('the application')
    await page.goto(`${signet}/account/apps`)
    await says('Some application')
    await page.getByRole('button', { name: 'Remove (Some application)' }).click()
    await says('There are none.')
    await page.goto(setting('AUTHORIZE'))
    await page.locator('form#consent-form').waitFor() // it has to ask again
  })

  test('a forgotten password is set anew, and everybody is signed out', async () => {
    await page.goto(`${signet}/account/profile`)
    await page.getByRole('link', { name: 'Sign out' }).click()
    await page.locator('button#logout-confirm').click()
    await page.locator('#logged-out').waitFor()
    await page.goto(`${signet}/login`)
    await page.getByRole('link', { name: 'Forgot your password?' }).click()
    await fill(page, { email })
    await press('Send the link')
    await says('If the address has an account')
    await page.goto(await linkInMail(mails, email, `${signet}/password-reset/`, linksUsed))
    await fill(page, { new_password1: password, new_password2: password })
    await press('Set the password')
    await says('Password changed')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await fill(page, { username: email, password })
    await press('Sign in')
    await page.waitForURL(`${signet}/account/profile`)
  })
})
