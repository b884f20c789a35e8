package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

const claimsEmail = "dana@example.com"

// userCommand runs a users command that succeeds and returns the one user that it shows.
func userCommand(t *testing.T, databaseURL string, args ...string) map[string]any {
	t.Helper()
	stdout, stderr, code := cliWithInput("a Good passphrase 7\n", databaseURL, append([]string{"users", "--output", "json"}, args...)...)
	require.Equal(t, exitOK, code, stderr)
	var shown []map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &shown), stdout)
	require.Len(t, shown, 1)
	return shown[0]
}

func storedUser(t *testing.T, databaseURL string) provider.User {
	t.Helper()
	u, err := sqlstoretest.Open(t, databaseURL).UserByEmail(t.Context(), claimsEmail)
	require.NoError(t, err)
	return u
}

func TestUserClaims(t *testing.T) {
	t.Parallel()
	databaseURL := migratedURL(t)
	want := map[string]any{
		"middle_name": "Q", "nickname": "Dan", "preferred_username": "dana", "profile": "https://example.com/dana", "picture": "https://example.com/dana.png",
		"website": "https://dana.example.com", "gender": "female", "birthdate": "1990-02-28", "zoneinfo": "Asia/Seoul", "locale": "ko-KR",
		"phone_number": "+82 2 312 3456", "phone_number_verified": true,
		"address": map[string]any{"street_address": "1 Main Road, Floor 2", "locality": "Seoul", "region": "Seoul", "postal_code": "04524", "country": "KR"},
		"roles":   []any{"admin", "editor"}, "groups": []any{"staff"},
	}
	flags := []string{"--role", "admin,editor", "--group", "staff", "--claim", "phone_number_verified=true", "--claim", "address.street_address=1 Main Road, Floor 2"}
	for name, value := range want {
		if text, ok := value.(string); ok {
			flags = append(flags, "--claim", name+"="+text)
		}
	}
	for name, value := range want["address"].(map[string]any) {
		flags = append(flags, "--claim", "address."+name+"="+value.(string))
	}
	requireClaims := func(t *testing.T, want, got map[string]any) {
		t.Helper()
		for _, name := range []string{"pk", "sub", "email", "email_verified", "first_name", "last_name", "active", "staff", "superuser", "joined_at", "last_login", "updated_at"} {
			delete(got, name)
		}
		require.Equal(t, want, got)
	}

	requireClaims(t, want, userCommand(t, databaseURL, append([]string{"create", claimsEmail, "--password-stdin"}, flags...)...))
	requireClaims(t, want, userCommand(t, databaseURL, "show", claimsEmail))
	require.Zero(t, storedUser(t, databaseURL).UpdatedAt)
	stdout, _, _ := cli(databaseURL, "users", "show", claimsEmail)
	for _, line := range []string{"CLAIM", "address.street_address  1 Main Road, Floor 2", "phone_number_verified   true", "roles                   admin, editor", "groups                  staff"} {
		require.Contains(t, stdout, line)
	}

	begun := time.Now().Add(-time.Second)
	got := userCommand(t, databaseURL, "set", claimsEmail, "--claim", "nickname=", "--claim", "address.locality=Busan", "--role=", "--group", "a", "--group", "b")
	delete(want, "nickname")
	delete(want, "roles")
	want["address"].(map[string]any)["locality"] = "Busan"
	want["groups"] = []any{"a", "b"}
	requireClaims(t, want, got)
	updated := storedUser(t, databaseURL).UpdatedAt
	require.WithinRange(t, updated, begun, time.Now())

	t.Run("updated_at moves with what userinfo tells alone", func(t *testing.T) {
		userCommand(t, databaseURL, "set", claimsEmail, "--staff=true")
		require.Equal(t, updated, storedUser(t, databaseURL).UpdatedAt)
		userCommand(t, databaseURL, "set", claimsEmail, "--first-name=Dana")
		require.True(t, storedUser(t, databaseURL).UpdatedAt.After(updated))
	})
	t.Run("a changed number is not verified", func(t *testing.T) {
		require.Equal(t, true, userCommand(t, databaseURL, "set", claimsEmail, "--claim", "phone_number=+82 2 312 3456")["phone_number_verified"])
		require.Equal(t, false, userCommand(t, databaseURL, "set", claimsEmail, "--claim", "phone_number=+82 2 312 0000")["phone_number_verified"])
		userCommand(t, databaseURL, "set", claimsEmail, "--claim", "phone_number_verified=true")
		got := userCommand(t, databaseURL, "set", claimsEmail, "--claim", "phone_number=")
		require.NotContains(t, got, "phone_number")
		require.NotContains(t, got, "phone_number_verified")
		require.False(t, storedUser(t, databaseURL).Profile.PhoneNumberVerified)
	})
	t.Run("what is not a claim is refused and changes nothing", func(t *testing.T) {
		before := storedUser(t, databaseURL)
		for claim, fault := range map[string]string{
			"nickname": "name=value", "sub=1": "unknown claim", "email=x@example.com": "unknown claim", "address=Seoul": "unknown claim",
			"birthdate=28.2.1990": "birthdate Enter a date", "picture=javascript:alert(1)": "picture Enter a valid URL", "phone_number=none": "phone_number Enter",
			"phone_number_verified=yes": "true or false", "phone_number_verified=true": "needs a phone_number",
		} {
			_, stderr, code := cli(databaseURL, "users", "set", claimsEmail, "--claim", "nickname=X", "--claim", claim)
			require.Equal(t, exitUsage, code, claim)
			require.Contains(t, stderr, fault, claim)
		}
		require.Equal(t, before, storedUser(t, databaseURL))
	})
}
