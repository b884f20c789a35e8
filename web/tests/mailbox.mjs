// The mails that the server's file driver has written.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** linkInMail waits for a mail to an address beyond those read before, and returns the link in its text. */
export async function linkInMail(folder, to, read) {
  for (let tries = 0; tries < 200; tries++, await sleep(50)) {
    for (const name of files(folder)) {
      if (read.has(name)) continue
      const mail = readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n')
      if (!new RegExp(`^To: .*${to}`, 'm').test(mail)) continue
      read.add(name)
      const link = textOf(mail).match(/https?:\/\/\S+/)
      assert.ok(link, `no link in ${name}:\n${mail}`)
      return link[0]
    }
  }
  assert.fail(`no mail to ${to} in ${folder}: ${files(folder)}`)
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
