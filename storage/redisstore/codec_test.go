package redisstore_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/redisstore"
	"github.com/signet-id/signet/storage/redisstore/redisstoretest"
)

// FuzzDecodeGrant reads whatever a key may hold. What is accepted is a grant that, stored again, is
// read as the same grant.
func FuzzDecodeGrant(f *testing.F) {
	f.Add(`{"v":1,"uid":7,"sub":"s","scopes":["openid"],"code":{"uri":"https://a/cb"}}`, "app", "2", "1", "3", "0", "1", "0")
	f.Add(`{"v":1}`, "", "9007199254740993", "-1", "0", "0", "", "")
	f.Add(`{"v":2}`, "app", "1", "1", "1", "1", "1", "1")
	f.Add(`{"v":1,"scopes":{}}`, "app", "x", "1.5", "1e9", " 1", "1", "1")
	f.Add(`null`, "app", "1", "1", "1", "1", "1", "1")
	f.Add(``, "app", "1", "1", "1", "1", "1", "1")
	f.Fuzz(func(t *testing.T, document, client, end, idle, generation, rotated, codeEnd, codeUsed string) {
		fields := []any{document, client, end, idle, generation, rotated, codeEnd, codeUsed}
		g, err := redisstore.DecodeGrant("id", fields)
		if err != nil {
			require.Zero(t, g)
			return
		}
		again, err := redisstore.EncodeGrant(g)
		require.NoError(t, err)
		stored := map[any]any{}
		for i := 0; i < len(again); i += 2 {
			stored[again[i]] = text(again[i+1])
		}
		if g.Code == nil {
			stored["x"], stored["u"] = nil, nil
		}
		got, err := redisstore.DecodeGrant("id", []any{
			stored["d"], stored["c"], text(g.ExpiresAt.UnixMicro()), stored["i"], stored["g"], stored["r"], stored["x"], stored["u"],
		})
		require.NoError(t, err)
		got.ExpiresAt, got.IdleExpiresAt = g.ExpiresAt, g.IdleExpiresAt // an idle end beyond the end is cut
		require.Equal(t, g, got)
	})
}

// text is a value as Redis gives it back.
func text(v any) any {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case int:
		return strconv.Itoa(v)
	default:
		return v
	}
}

// FuzzDecision reads whatever a script may answer.
func FuzzDecision(f *testing.F) {
	f.Add("done", 8)
	f.Add("consumed", 1)
	f.Add("none", 0)
	f.Add("exceeded", 3)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, word string, n int) {
		reply := []any{word}
		for range min(max(n, 0), 20) {
			reply = append(reply, "1")
		}
		got, fields, err := redisstore.Decision(reply, 8)
		if err != nil {
			return
		}
		require.Equal(t, word, got)
		require.Contains(t, []string{"done", "consumed", "exceeded", "none"}, got)
		require.Equal(t, got == "done" || got == "consumed", len(fields) == 8)
	})
}

// The values in TestGarbage are of the right type and not ours.
var garbage = []map[string]string{
	{"d": "", "c": "app", "e": "9e15", "i": "9000000000000000", "g": "1", "r": "0", "x": "9000000000000000", "u": "0"},
	{"d": "{", "c": "app", "e": "9000000000000000", "i": "9000000000000000", "g": "1", "r": "0", "x": "9000000000000000", "u": "0"},
	{"d": "{}", "c": "app", "e": "9000000000000000", "i": "9000000000000000", "g": "1", "r": "0", "x": "9000000000000000", "u": "0"},
	{"d": `{"v":99}`, "c": "app", "e": "9000000000000000", "i": "9000000000000000", "g": "1", "r": "0", "x": "9000000000000000", "u": "0"},
	{"d": `{"v":1,"code":{}}`, "c": "app", "e": "x", "i": "x", "g": "x", "r": "x", "x": "x", "u": "x"},
	{"d": `{"v":1,"code":{}}`, "c": "app"},
	{"s": "1"},
}

func TestGarbage_is_a_failure_and_never_a_success(t *testing.T) {
	eachServer(t, func(t *testing.T, url string) {
		store := redisstoretest.Open(t, url)
		ctx, client := t.Context(), store.Client()
		g := newGrant("garbage")
		t.Cleanup(func() { require.NoError(t, client.Del(context.Background(), store.GrantKey(g.ID)).Err()) })
		requireFailures := func(kind any, missing bool) {
			t.Helper()
			_, readErr := store.Grant(ctx, g.ID)
			_, rotateErr := store.RotateRefresh(ctx, rotation(g))
			_, redeemErr := store.RedeemCode(ctx, redemption(g))
			for _, err := range []error{readErr, rotateErr, redeemErr} {
				require.Error(t, err, kind)
				require.NotErrorIs(t, err, provider.ErrUnavailable, kind)
				require.NotErrorIs(t, err, provider.ErrConsumed, kind)
				if !missing {
					require.NotErrorIs(t, err, provider.ErrNotFound, kind)
				}
			}
		}
		for _, fields := range garbage {
			require.NoError(t, client.Del(ctx, store.GrantKey(g.ID)).Err())
			require.NoError(t, client.HSet(ctx, store.GrantKey(g.ID), fields).Err())
			_, hasDocument := fields["d"]
			requireFailures(fields, !hasDocument)
		}
		for _, set := range []func() error{
			func() error { return client.Set(ctx, store.GrantKey(g.ID), "text", 0).Err() },
			func() error { return client.LPush(ctx, store.GrantKey(g.ID), "element").Err() },
		} {
			require.NoError(t, client.Del(ctx, store.GrantKey(g.ID)).Err())
			require.NoError(t, set())
			requireFailures("wrong type", false)
			require.Error(t, store.CreateGrant(ctx, g))
		}
	})
}
