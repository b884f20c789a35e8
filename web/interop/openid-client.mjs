// A relying party on openid-client: discovers, gets tokens, verifies, refreshes, introspects and revokes; signs somebody
// in and out. Reads what it needs to know from the environment; ends with 1 at the first surprise.
import assert from 'node:assert/strict'
import * as client from 'openid-client'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { Person } from './person.mjs'

const { ISSUER, SPA, SERVICE, SECRET, WEBAPP, WEBAPP_SECRET, EMAIL, PASSWORD } = process.env
const loopback = { execute: [client.allowInsecureRequests] }

const spa = await client.discovery(new URL(ISSUER), SPA, undefined, client.None(), loopback)
const service = await client.discovery(new URL(ISSUER), SERVICE, undefined, client.ClientSecretBasic(SECRET), loopback)
const metadata = spa.serverMetadata()
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))

const first = await client.genericGrantRequest(spa, 'password', {
  username: EMAIL, password: PASSWORD, scope: 'openid email offline_access',
})
const access = await jwtVerify(first.access_token, keys, { issuer: ISSUER, audience: SPA, typ: 'at+jwt', algorithms: ['ES256'] })
const id = await jwtVerify(first.id_token, keys, { issuer: ISSUER, audience: SPA, algorithms: ['RS256'] })
assert.equal(access.payload.sub, id.payload.sub)

const info = await client.fetchUserInfo(spa, first.access_token, id.payload.sub)
assert.equal(info.email, EMAIL)

const second = await client.refreshTokenGrant(spa, first.refresh_token)
assert.notEqual(second.refresh_token, first.refresh_token)
assert.equal(second.claims().sub, id.payload.sub)

const machine = await client.clientCredentialsGrant(service, { scope: 'orders:read' })
await jwtVerify(machine.access_token, keys, { issuer: ISSUER, audience: 'https://api.example.com' })

const before = await client.tokenIntrospection(service, second.access_token)
assert.equal(before.active, true)
assert.equal(before.sub, id.payload.sub)
await client.tokenRevocation(spa, second.refresh_token)
const after = await client.tokenIntrospection(service, second.access_token)
assert.deepEqual(after, { active: false })
await assert.rejects(client.refreshTokenGrant(spa, second.refresh_token), { error: 'invalid_grant' })

// The authorization code flow of a web application.
const webapp = await client.discovery(new URL(ISSUER), WEBAPP, undefined, client.ClientSecretBasic(WEBAPP_SECRET), loopback)
const origin = 'http://localhost:5174' // nobody listens there: the person's browser stops
const person = new Person(origin)
const signIn = async (parameters, pages) => {
  const [pkceCodeVerifier, expectedState, expectedNonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()]
  await person.visit(client.buildAuthorizationUrl(webapp, {
    redirect_uri: `${origin}/callback`, scope: 'openid profile email', state: expectedState, nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256', ...parameters,
  }))
  await pages?.()
  return client.authorizationCodeGrant(webapp, person.at, { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true })
}
const signedIn = await signIn({}, async () => {
  await person.submit('login-form', { username: EMAIL, password: PASSWORD, action: 'login' })
  await person.submit('consent-form', { action: 'accept' })
})
const claims = signedIn.claims()
await jwtVerify(signedIn.id_token, keys, { issuer: ISSUER, audience: WEBAPP, algorithms: ['RS256'] })
assert.equal((await client.fetchUserInfo(webapp, signedIn.access_token, claims.sub)).email, EMAIL)
const refreshed = await client.refreshTokenGrant(webapp, signedIn.refresh_token)
assert.equal(refreshed.claims().sid, claims.sid)

const silent = await signIn({ prompt: 'none', max_age: '3600' })
assert.equal(silent.claims().sub, claims.sub)
assert.ok(silent.claims().auth_time <= claims.iat)

await person.visit(client.buildEndSessionUrl(webapp, {
  id_token_hint: refreshed.id_token, post_logout_redirect_uri: `${origin}/signed-out`, state: 'bye',
}))
assert.equal(person.at.href, `${origin}/signed-out?state=bye`)
await assert.rejects(client.refreshTokenGrant(webapp, refreshed.refresh_token), { error: 'invalid_grant' })
await assert.rejects(signIn({ prompt: 'none' }), { error: 'login_required' })

console.log('all steps passed')
