package report

import (
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func unescape(t *testing.T, s string) string {
	t.Helper()
	out, err := url.PathUnescape(s)
	require.NoError(t, err)
	return out
}

var (
	verb  = regexp.MustCompile(`%(\[\d\])?[a-z]`)
	index = regexp.MustCompile(`\[\d\]`)
)

// verbsOf returns the verbs of a message, sorted: a language may have another order of words.
func verbsOf(message string) []string {
	verbs := verb.FindAllString(message, -1)
	for i := range verbs {
		verbs[i] = index.ReplaceAllString(verbs[i], "")
	}
	slices.Sort(verbs)
	return verbs
}

// Both languages fill every word, with the same verbs, and name every value of the closed sets.
func TestWordsAreComplete(t *testing.T) {
	en, zh := reflect.ValueOf(english), reflect.ValueOf(chinese)
	for i := range en.NumField() {
		name := en.Type().Field(i).Name
		if en.Field(i).Kind() == reflect.String {
			if name != "Gap" { // Chinese has none
				assert.NotEmpty(t, en.Field(i).String(), name)
				assert.NotEmpty(t, zh.Field(i).String(), name)
			}
			assert.Equal(t, verbsOf(en.Field(i).String()), verbsOf(zh.Field(i).String()), name)
			continue
		}
		assert.NotZero(t, en.Field(i).Len(), name)
		for _, key := range append(en.Field(i).MapKeys(), zh.Field(i).MapKeys()...) {
			for _, in := range []reflect.Value{en, zh} {
				value := in.Field(i).MapIndex(key)
				require.True(t, value.IsValid(), "%s: %s", name, key)
				assert.NotEmpty(t, value.String(), "%s: %s", name, key)
			}
		}
	}
	for _, c := range incident.Categories() {
		assert.Contains(t, english.Categories, c)
	}
	for _, s := range incident.Severities() {
		assert.Contains(t, english.Severities, s)
	}
	for _, l := range append(incident.Likelihoods(), incident.Unknown) {
		assert.Contains(t, english.Likelihoods, l)
	}
	for _, r := range incident.UnverifiedReasons() {
		assert.Contains(t, english.UnverifiedReasons, r)
	}
	for _, k := range incident.FeedbackKinds() {
		assert.Contains(t, english.FeedbackKinds, k)
	}
	for _, r := range append(incident.Risks(), incident.Unknown) {
		assert.Contains(t, english.Risks, r)
	}
}

func TestEveryMarkIsWorded(t *testing.T) {
	for _, w := range []*messages{messagesFor("en"), messagesFor("zh")} {
		for _, kind := range incident.MarkKinds() {
			if kind != incident.MarkUncited {
				assert.Contains(t, w.Marks[kind], "%s", kind)
			}
		}
	}
}
