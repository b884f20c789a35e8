// Every state of every page, as templates/samples.go has them.
import { test } from 'node:test'
import { launch, setting } from './browser.mjs'
import { inEachLanguage, inspect } from './pages.mjs'

const pages = JSON.parse(setting('PAGES'))

test('every state of every page can be used by everybody', async (t) => {
  const browser = await launch()
  t.after(() => browser.close())
  await inEachLanguage(browser, {}, async (page, language) => {
    for (const { name, url } of pages) {
      await page.goto(url, { waitUntil: 'load' })
      // Language, scheme and width differ independently; every combination is tried on the pages of a server.
      await inspect(page, name, language, [language === 'en' ? ['light', 1280] : ['dark', 375]])
    }
  })
})
