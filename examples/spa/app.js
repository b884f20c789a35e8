// A single-page app that signs its user in at Signet (authorization code with PKCE) and calls an API with the access
// token. oidc-client-ts does the protocol; this file says what is wanted of it, and shows what came of it.
const { ErrorResponse, UserManager, WebStorageStateStore } = window.oidc
const setting = (name) => document.querySelector(`meta[name=${name}]`).content
const api = setting('api')

const users = new UserManager({
  authority: setting('issuer'),
  client_id: setting('client_id'),
  redirect_uri: `${location.origin}/callback`,
  post_logout_redirect_uri: `${location.origin}/signed-out`,
  scope: 'openid profile email orders:read',
  resource: setting('resource'), // whom the access token is for (RFC 8707)
  loadUserInfo: true,
  // Renewed with the refresh token a minute before the access token expires: no frames, no cookies of other sites.
  automaticSilentRenew: true,
  revokeTokensOnSignout: true,
  // Both end with the tab. Whatever runs on this origin can read them, so only our own scripts may: see main.go's policy.
  userStore: new WebStorageStateStore({ store: sessionStorage }),
  stateStore: new WebStorageStateStore({ store: sessionStorage }),
})

const element = (id) => document.getElementById(id)
let generation = 0

/** show fills the page with what is known of the user; null is nobody. */
function show(user) {
  element('signed-in').hidden = !user
  element('signed-out').hidden = !!user
  element('orders').replaceChildren()
  if (!user) return
  element('name').textContent = user.profile.name ? `, ${user.profile.name}` : ''
  element('generation').textContent = Math.max(generation, 1) // a reload begins to count anew
  element('expiry').textContent = new Date(user.expires_at * 1000).toLocaleTimeString()
  element('claims').textContent = JSON.stringify(user.profile, null, 2)
}

function tell(message) {
  element('message').textContent = message
  element('message').hidden = !message
}

/** ended is for a session that Signet ended: signed out in another app, revoked, or the account disabled. */
async function ended() {
  await users.removeUser()
  show(null)
  tell('Your session has ended: please sign in again.')
}

const isRefusal = (error) => error instanceof ErrorResponse && error.error === 'invalid_grant'

// At the sign-in and at each renewal, by the button or by itself.
users.events.addUserLoaded((user) => {
  generation++
  show(user)
})
users.events.addSilentRenewError((error) => isRefusal(error) ? ended() : tell('The session could not be renewed.'))

/** What each button does. */
const actions = {
  login: () => users.signinRedirect(),
  renew: () => users.signinSilent(),
  logout: () => users.signoutRedirect(),
  async call() {
    const user = await users.getUser()
    const response = await fetch(`${api}/orders`, { headers: { Authorization: `Bearer ${user.access_token}` } })
    if (!response.ok) throw new Error(`The API answered ${response.status}.`)
    const { orders } = await response.json()
    element('orders').replaceChildren(...orders.map((order) => {
      const item = document.createElement('li')
      item.textContent = order.title
      return item
    }))
  },
}

for (const [id, act] of Object.entries(actions)) {
  element(id).addEventListener('click', () => {
    tell('')
    act().catch((error) => isRefusal(error) ? ended() : tell(error.message))
  })
}

/** arrive takes what Signet sends the browser back with, and leaves an address without it. */
async function arrive() {
  try {
    if (location.pathname === '/callback') {
      await users.signinRedirectCallback() // checks state and issuer, redeems the code
    } else if (location.pathname === '/signed-out') {
      await users.signoutRedirectCallback()
      tell('You are signed out.')
    }
  } catch (error) {
    tell(error.error === 'access_denied' ? 'You did not sign in.' : error.message)
  }
  history.replaceState(null, '', '/')
  show(await users.getUser())
}

arrive()
