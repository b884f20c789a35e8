// A relying party on openid-client: discovers, gets tokens, verifies, refreshes, introspects and
// revokes. Reads what it needs to know from the environment; ends with 1 at the first surprise.
import assert from 'node:assert/strict'
import * as client from 'openid-client'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const { ISSUER, SPA, SERVICE, SECRET, EMAIL, PASSWORD } = process.env
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

console.log('all steps passed')
