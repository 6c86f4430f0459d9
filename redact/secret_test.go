package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestSecretIsNeverShown(t *testing.T) {
	const value = "hunter2"
	config := struct {
		Key    Secret            `json:"key" yaml:"key"`
		Keys   []Secret          `json:"keys" yaml:"keys"`
		ByName map[string]Secret `json:"by_name" yaml:"by_name"`
		Ptr    *Secret           `json:"ptr" yaml:"ptr"`
	}{Key: value, Keys: []Secret{value}, ByName: map[string]Secret{"x": value}, Ptr: new(Secret)}
	*config.Ptr = value

	shown := map[string]string{"error": fmt.Errorf("calling with %s: %w", Secret(value), assert.AnError).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%20s", "%t"} {
		shown[verb] = fmt.Sprintf(verb, Secret(value))
		shown["struct "+verb] = fmt.Sprintf(verb, config)
	}
	asJSON, err := json.Marshal(config)
	require.NoError(t, err)
	shown["JSON"] = string(asJSON)
	asYAML, err := yaml.Marshal(config)
	require.NoError(t, err)
	shown["YAML"] = string(asYAML)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "key", Secret(value), "config", config)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "key", Secret(value), "config", config)
	shown["slog"] = log.String()
	for how, s := range shown {
		assert.NotContains(t, s, value, how)
		assert.NotContains(t, s, fmt.Sprintf("%x", value), how)
		assert.NotContains(t, s, fmt.Sprintf("%X", value), how)
	}
	assert.Equal(t, "<secret>", shown["%v"])
	assert.Equal(t, `"<secret>"`, shown["%#v"])
	assert.Contains(t, shown["JSON"], `"key":"\u003csecret\u003e"`)
	assert.Contains(t, shown["YAML"], "key: <secret>\n")
	assert.Equal(t, value, Secret(value).Reveal())
}

func TestSecretEmptyStaysEmpty(t *testing.T) {
	var s Secret
	assert.Empty(t, fmt.Sprint(s))
	asJSON, err := json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, `""`, string(asJSON))
	asYAML, err := yaml.Marshal(s)
	require.NoError(t, err)
	assert.YAMLEq(t, `""`, string(asYAML))
}

func TestSecretIsReadLikeAString(t *testing.T) {
	var s Secret
	require.NoError(t, json.Unmarshal([]byte(`"hunter2"`), &s))
	assert.Equal(t, "hunter2", s.Reveal())
	require.NoError(t, yaml.Unmarshal([]byte(`hunter3`), &s))
	assert.Equal(t, "hunter3", s.Reveal())
}
