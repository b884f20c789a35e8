// The mails that the server's file driver has written.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** linkInMail waits for a mail to an address whose text has a link that begins so, and returns the newest one's. Each link is returned once. */
export async function linkInMail(folder, to, beginning, returned) {
  for (let tries = 0; tries < 200; tries++, await sleep(50)) {
    for (const name of files(folder).reverse()) {
      const mail = readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n')
      if (!mail.includes(`\nTo: <${to}>\n`)) continue
      const link = textOf(mail).split(/\s/).find((word) => word.startsWith(beginning))
      if (!link || returned.has(link)) continue
      returned.add(link)
      return link
    }
  }
  assert.fail(`no mail to ${to} with a link ${beginning}… in ${folder}: ${files(folder).join(' ') || 'nothing'}`)
}

/** files are the mails, oldest first: their names begin with the time. */
function files(folder) {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.eml')).sort()
  } catch (error) {
    if (error.code === 'ENOENT') return [] // made with the first mail
    throw error
  }
}

/** textOf decodes the part that is plain text (RFC 2046 §5.1, RFC 2045 §6.7). */
function textOf(mail) {
  const part = mail.match(/^Content-Type: text\/plain.*?\n\n(.*?)\n--/ms)
  assert.ok(part, `no text in ${mail}`)
  return part[1].replaceAll('=\n', '').replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
}
