// What browser tests share: the browser of the machine, and a page of another origin.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { chromium } from 'playwright-core'

const paths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

/** launch starts the machine's Chromium. root of a Debian without one gets it installed. */
export function launch() {
  return chromium.launch({ executablePath: find() ?? install(), args: flags })
}

function find() {
  const wanted = process.env.CHROMIUM
  if (wanted && !existsSync(wanted)) throw new Error(`CHROMIUM is ${wanted}, where no browser is`)
  return wanted ?? paths.find(existsSync)
}

function install() {
  const missing = new Error('no Chromium on this machine: install it (Debian: apt-get install chromium), or say in CHROMIUM where it is')
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) throw missing
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env })
  execFileSync('apt-get', ['install', '-qq', '--yes', '--no-install-recommends', 'chromium'], { stdio: 'inherit', env })
  const installed = find()
  if (!installed) throw missing
  return installed
}

/** serveEmptyPage serves a page with nothing in it on an origin of its own, and returns the origin. */
export async function serveEmptyPage(t) {
  const server = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>elsewhere</title>'))
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => { server.closeAllConnections(); server.close() })
  return `http://127.0.0.1:${server.address().port}`
}

/** setting is an environment variable that the test needs. */
export function setting(name) {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: \`make web\` starts the servers and sets it`)
  return value
}
