package main

import (
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/internal/testservers"
)

// Debian's Apache with mod_auth_openidc protects a page. It knows the issuer, a client_id and a secret; its own address
// and the key of its cookies are its own affair.
func TestApacheProtectsAPage(t *testing.T) {
	require.NoError(t, testservers.Install(t.Context(), os.Stderr))
	onEachPair(t, func(t *testing.T, p *process) {
		const clientSecret = "a-secret-for-apache-on-a-loopback-address"
		apache, err := testservers.StartApache(t.Context(), testservers.Options{Settings: []string{
			"OIDCProviderMetadataURL " + p.issuer + "/.well-known/openid-configuration",
			"OIDCClientID apache", "OIDCClientSecret " + clientSecret,
			"OIDCRedirectURI ${URL}/protected/callback", "OIDCCryptoPassphrase a-passphrase-of-this-apache",
		}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, apache.Close()) })
		protected, callback := apache.URL+"/protected/", apache.URL+"/protected/callback"
		p.command("clients", "create", "--id", "apache", "--secret", clientSecret, "--name", "Apache", "--scope", "openid",
			"--grant-type", "authorization_code", "--response-type", "code", "--redirect-uri", callback, "--post-logout-redirect-uri", apache.URL+"/",
			"--backchannel-logout-uri", callback+"?logout=backchannel", "--backchannel-logout-session-required",
			"--pkce-optional") // as it comes from Debian the module sends no code_challenge

		seesThePage := func(person *person) bool {
			person.visit(protected)
			return person.at.String() == protected && person.status == http.StatusOK
		}
		signIn := func() *person {
			person := newPerson(t)
			require.False(t, seesThePage(person))
			require.Equal(t, p.issuer+"/login", p.issuer+person.at.Path)
			person.logIn()
			if person.at.Path == "/consent" { // the first time
				person.submit("consent-form", url.Values{"action": {"accept"}})
			}
			require.Equal(t, protected, person.at.String(), person.page)
			require.Contains(t, person.page, "the protected page")
			require.Contains(t, person.header.Get("X-User"), "@"+p.issuer)
			require.True(t, seesThePage(person))
			return person
		}

		t.Run("RP-initiated logout", func(t *testing.T) {
			person := signIn()
			person.visit(callback + "?" + url.Values{"logout": {apache.URL + "/"}}.Encode())
			require.Equal(t, apache.URL+"/", person.at.Scheme+"://"+person.at.Host+person.at.Path, person.page)
			require.False(t, seesThePage(person))
			require.Contains(t, person.page, "login-form") // signed out at the issuer too
		})
		t.Run("back-channel logout", func(t *testing.T) {
			person, other := signIn(), signIn() // of one user
			person.visit(p.issuer + "/logout")
			person.submit("logout-form", url.Values{"action": {"confirm"}})
			require.Contains(t, person.page, `id="logged-out"`)
			for asked := time.Now(); seesThePage(person); time.Sleep(50 * time.Millisecond) {
				require.Less(t, time.Since(asked), 10*time.Second, "Apache was not told")
			}
			require.True(t, seesThePage(other), "Apache ended another browser's session")
		})
	})
}
