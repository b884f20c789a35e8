// The account API as a front end of dj-rest-auth uses it: JSON, and a session of two HttpOnly cookies
// that no script can read. Below are its calls, then what each form does, then the views.

const api = document.querySelector('meta[name=signet]').content + '/api/accounts/v1/'

/** An answer that refuses: {"field": ["…"]} for the fields of a form, or {"detail": "…"}. */
class Refusal extends Error {
  constructor(status, faults) {
    super(faults.detail ?? `The server answered ${status}.`)
    this.status = status
    this.faults = faults
  }
}

/** send calls an endpoint and returns its answer. */
async function send(method, path, body) {
  const response = await fetch(api + path, {
    method,
    credentials: 'include', // the cookies, although the API is another origin
    headers: body ? { 'Content-Type': 'application/json' } : {},
    body: body ? JSON.stringify(body) : undefined,
  }).catch(() => { throw new Error('The server cannot be reached.') })
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) throw new Refusal(response.status, answer)
  return answer
}

/** sendSignedIn is send for what only a user may do. An access token lives for minutes: on 401 it is refreshed, once. */
async function sendSignedIn(method, path, body) {
  try {
    return await send(method, path, body)
  } catch (error) {
    if (error.status !== 401) throw error
  }
  await refresh()
  return send(method, path, body)
}

let refreshing = null

/** refresh gets both cookies anew. Requests that fail together share one refresh: a refresh token is used once. */
function refresh() {
  refreshing ??= send('POST', 'token/refresh/').finally(() => { refreshing = null })
  return refreshing
}

let user = null

/** What each form does with its values, whose names are those of the API. */
const actions = {
  async login(values) {
    ({ user } = await send('POST', 'login/', values))
    go('#/')
  },
  async signUp(values) {
    await send('POST', 'registration/', values)
    go('#/mail-sent')
    document.forms.resend.elements.email.value = values.email
  },
  async resend(values) {
    await send('POST', 'registration/resend-email/', values)
    go('#/mail-sent', 'Sent, if the address waits for it.')
  },
  async verifyEmail() {
    const [key] = route().parameters
    await send('POST', 'registration/verify-email/', { key }).catch(explainLink)
    go('#/', 'Thank you: your address is confirmed.')
  },
  async forgotPassword(values) {
    await send('POST', 'password/reset/', values)
    go('#/', 'Look into your mail: if the address has an account, a link is on its way.')
  },
  async resetPassword(values) {
    const [uid, token] = route().parameters
    await send('POST', 'password/reset/confirm/', { ...values, uid, token }).catch(explainLink)
    user = null
    go('#/', 'Log in with your new password.')
  },
  async names(values) {
    user = await sendSignedIn('PATCH', 'user/', values)
    go('#/', 'Saved.')
  },
  async changePassword(values) {
    await sendSignedIn('POST', 'password/change/', values)
    go('#/', 'Your password is changed. All other devices are logged out.')
  },
  async logout() {
    await send('POST', 'logout/')
    user = null
    go('#/', 'You are logged out.')
  },
}

/** explainLink says more than the API about what a mailed link brought: "Not found." for a key, "Invalid value" for a uid or token. */
function explainLink(error) {
  const dead = error.status === 404 || error.faults?.uid || error.faults?.token
  throw dead ? new Error('This link does not work: it was used before, or it is too old.') : error
}

/** route is what the fragment says: #/view/parameter/… Mailed links bring their secrets in it, which no server's log sees. */
function route() {
  const [, view, ...parameters] = location.hash.split('/')
  return { view: view || (user ? 'account' : 'login'), parameters }
}

/** go shows another view and says what has happened. It leaves nothing to go back to: a form was sent, a link used. */
function go(hash, message) {
  history.replaceState(null, '', hash)
  show(message)
  document.querySelector('section:not([hidden]) h2').focus()
}

/** show draws the view of the route. */
function show(message = '') {
  const { view } = route()
  for (const section of document.querySelectorAll('section')) section.hidden = section.dataset.view !== view
  for (const form of document.forms) {
    form.reset()
    removeFaults(form)
  }
  const names = document.forms.names.elements
  names.first_name.value = user?.first_name ?? ''
  names.last_name.value = user?.last_name ?? ''
  document.getElementById('whose').value = user?.email ?? '' // for password managers
  say('who', user ? `Logged in as ${user.email}` : '')
  say('message', message)
}

function say(id, text) {
  const element = document.getElementById(id)
  element.textContent = text
  element.hidden = !text
}

/** showFaults puts each message of a refusal beside its field, and those of no field above the button. */
function showFaults(form, error) {
  const { detail, ...fields } = error.faults ?? {}
  const missing = Object.entries(fields).flatMap(([name, messages]) => {
    const input = form.elements[name]
    if (!input) return messages
    const fault = newFault(messages)
    fault.id = `${form.name}-${name}-fault`
    input.setAttribute('aria-invalid', 'true')
    input.setAttribute('aria-describedby', fault.id)
    input.closest('label').after(fault)
    return []
  })
  const others = Object.keys(fields).length ? missing : [error.message]
  if (others.length) form.querySelector('button').before(newFault(others))
  form.querySelector('[aria-invalid]')?.focus()
}

function newFault(messages) {
  const fault = document.createElement('p')
  fault.className = 'fault'
  fault.setAttribute('role', 'alert')
  fault.textContent = messages.join(' ')
  return fault
}

function removeFaults(form) {
  for (const fault of form.querySelectorAll('.fault')) fault.remove()
  for (const input of form.querySelectorAll('[aria-invalid]')) {
    input.removeAttribute('aria-invalid')
    input.removeAttribute('aria-describedby')
  }
}

document.addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = event.target
  const button = form.querySelector('button')
  removeFaults(form)
  button.disabled = true
  try {
    await actions[form.name](Object.fromEntries(new FormData(form)))
  } catch (error) {
    if (error.status === 401) { // the refresh token is dead, too
      user = null
      go('#/', 'Your session has ended: please log in again.')
    } else {
      showFaults(form, error)
    }
  } finally {
    button.disabled = false
  }
})

addEventListener('hashchange', () => show())

// Whoever reloads the page stays logged in: the cookies know.
try {
  user = await sendSignedIn('GET', 'user/')
  show()
} catch (error) {
  show(error.status === 401 ? '' : error.message)
}
