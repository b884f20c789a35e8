// What the tests of pages share: a look at a page in every language, colour scheme and width.
import axe from 'axe-core'
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
export const languages = ['en', 'ko']
export const schemes = ['light', 'dark']
export const widths = [1280, 375]

/** inEachLanguage runs look with a browser context per language. What the pages' policy refuses is a fault. */
export async function inEachLanguage(browser, options, look) {
  for (const language of languages) {
    const context = await browser.newContext({ locale: language, ...options })
    context.setDefaultTimeout(15_000)
    const refused = []
    const page = await context.newPage()
    page.on('console', (message) => { if (/Content.Security.Policy|Refused to/i.test(message.text())) refused.push(message.text()) })
    page.on('pageerror', (error) => refused.push(String(error)))
    await look(page, language, context)
    assert.deepEqual(refused, [])
    await context.close()
  }
}

/** inspect asks axe about the page as it is, and looks whether it is wider than its window. */
export async function inspect(page, name, language, combinations = schemes.flatMap((scheme) => widths.map((width) => [scheme, width]))) {
  assert.equal(await page.locator('html').getAttribute('lang'), language, name)
  await page.evaluate(axe.source)
  for (const [scheme, width] of combinations) {
    const where = `${name} ${language} ${scheme} ${width}`
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
    const [content, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
    assert.ok(content <= room, `${where}: ${content} px in a window of ${room}`)
    const found = await page.evaluate(async (rules) => {
      const { violations } = await window.axe.run(document, { runOnly: rules, resultTypes: ['violations'] })
      return violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join(' | ')}`)
    }, rules)
    assert.deepEqual(found, [], where)
    if (process.env.SCREENSHOTS) {
      mkdirSync(process.env.SCREENSHOTS, { recursive: true })
      await page.screenshot({ path: join(process.env.SCREENSHOTS, `${where.replaceAll(/[^\w-]+/g, '_')}.png`), fullPage: true })
    }
  }
}
