package configs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

func TestSecretsNeverShow(t *testing.T) {
	value := struct {
		Key  Secret
		Keys []Secret
		URL  StoreURL
	}{"hunter2", []Secret{"hunter2"}, "mysql://u:hunter2@host/name"}

	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%08b", "%U"} {
		fmt.Fprintf(&shown, verb+"\n", value)
		fmt.Fprintf(&shown, verb+verb+"\n", value.Key, value.URL)
	}
	fmt.Fprintln(&shown, value, value.Key, value.URL, value.Key.String(), value.URL.String())
	slog.New(slog.NewTextHandler(&shown, nil)).Info("m", "value", value, "key", value.Key, "url", value.URL)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("m", "value", value, "key", value.Key, "url", value.URL)
	require.NoError(t, json.NewEncoder(&shown).Encode(value))
	require.NoError(t, yaml.NewEncoder(&shown).Encode(value))

	require.NotContains(t, shown.String(), "hunter2")
	require.NotContains(t, shown.String(), fmt.Sprintf("%x", "hunter2"))
	require.NotContains(t, shown.String(), fmt.Sprintf("%X", "hunter2"))
	require.Contains(t, shown.String(), mask)
	require.Equal(t, "hunter2", string(value.Key), "the value itself must stay readable")
	require.Empty(t, Secret("").String(), "what is not set is not masked")
}

func TestStoreURLsShowWithoutTheirPassword(t *testing.T) {
	for url, want := range map[StoreURL]string{
		"":                                                "",
		"sqlite:data/signet.db":                           "sqlite:data/signet.db",
		"mysql://u:hunter2@host:3306/name":                "mysql://u:***@host:3306/name",
		"mysql://u:hun@ter/2:@host/name":                  "mysql://u:***@host/name",
		"mysql://u@host/name":                             "mysql://u@host/name",
		"redis://:hunter2@host:6379/0":                    "redis://:***@host:6379/0",
		"redis+sentinel://u:hunter2@a:1,b:2/master":       "redis+sentinel://u:***@a:1,b:2/master",
		"redis+cluster://a:1,b:2":                         "redis+cluster://a:1,b:2",
		"redis://host?db=1&sentinel_password=hunter2&x=1": "redis://host?db=1&sentinel_password=***&x=1",
		"redis://host?Password=hunter2":                   "redis://host?Password=***",
	} {
		require.Equal(t, want, url.String())
	}
}
