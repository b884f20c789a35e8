package handlers_test

import (
	"context"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/templates"
)

// Every standard claim that a user can know of themselves is edited here, and told by userinfo.
func TestProfilePage(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, s *testServer) {
		r := s.reader(t)
		r.signUp(newcomer)
		sent := map[string]string{
			"given_name": "길동", "family_name": "홍", "middle_name": "M", "nickname": "gil", "preferred_username": "gildong", "birthdate": "1990-12-31",
			"gender": "male", "locale": "ko-KR", "zoneinfo": "Asia/Seoul", "profile": "https://example.com/gil", "picture": "https://example.com/gil.png",
			"website": "https://gil.example/", "phone_number": "+82 2 312 3456", "street_address": "세종대로 1\r\n2층", "postal_code": "04524",
			"locality": "서울", "region": "중구", "country": "대한민국",
		}
		require.Len(t, sent, len(templates.ProfileFields))
		var pairs []string
		for name, value := range sent {
			pairs = append(pairs, name, value)
		}
		r.goesTo("/account/profile?done", r.submit("/account/profile", "profile-form", pairs...))
		page := r.get("/account/profile?done")
		require.Contains(t, page.body, "Your profile is saved.")
		require.NotContains(t, r.get("/account/profile").body, "Your profile is saved.")
		for name, value := range sent {
			require.Regexp(t, `(?s)name="`+name+`"[^<]*`+regexp.QuoteMeta(strings.ReplaceAll(value, "\r\n", "\n")), strings.ReplaceAll(html.UnescapeString(page.body), "\r\n", "\n"), name)
		}
		user, err := s.database.UserByEmail(context.Background(), newcomer)
		require.NoError(t, err)
		require.Equal(t, "서울", user.Profile.Address.Locality)
		require.Equal(t, "길동", user.FirstName)

		wrong := r.submit("/account/profile", "profile-form", "given_name", strings.Repeat("x", 151), "website", "javascript:alert(1)", "phone_number", "x")
		require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
		for _, fault := range []string{`<a href="#given_name">Ensure this field has no more than 150 characters.`, `<a href="#website">Enter a valid URL.`, `<a href="#phone_number">Enter a phone number`} {
			require.Contains(t, wrong.body, fault)
		}
		again, err := s.database.UserByEmail(context.Background(), newcomer)
		require.NoError(t, err)
		require.Equal(t, user, again, "nothing of a form that is refused is kept")
	})
}

// Nobody else's say makes another number verified.
func TestAChangedPhoneNumberIsNotVerified(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	r := s.reader(t)
	r.signUp(newcomer)
	user, err := s.database.UserByEmail(context.Background(), newcomer)
	require.NoError(t, err)
	user.Profile.PhoneNumber, user.Profile.PhoneNumberVerified = "+82 2 312 3456", true
	require.NoError(t, s.database.UpdateUser(context.Background(), user.ID, provider.UserChange{Profile: &user.Profile}))
	for _, c := range []struct {
		number   string
		verified bool
	}{{"+82 2 312 3456", true}, {"+82 2 312 3457", false}} {
		r.goesTo("/account/profile?done", r.submit("/account/profile", "profile-form", "phone_number", c.number, "phone_number_verified", "true"))
		user, err = s.database.UserByEmail(context.Background(), newcomer)
		require.NoError(t, err)
		require.Equal(t, c.verified, user.Profile.PhoneNumberVerified)
	}
}
