package redact

import (
	_ "embed"
	"encoding/base64"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	//go:embed testdata/attack_secrets.txt
	attackSecrets string
	//go:embed testdata/attack_benign.txt
	attackBenign string
	//go:embed testdata/heldout_secrets.txt
	heldoutSecrets string
	//go:embed testdata/heldout_benign.txt
	heldoutBenign string
	//go:embed testdata/alerts_secrets.txt
	alertsSecrets string
	//go:embed testdata/alerts_benign.txt
	alertsBenign string
	//go:embed testdata/incident_secrets.txt
	incidentSecrets string
	//go:embed testdata/incident_benign.txt
	incidentBenign string
)

// made matches what stands for a made value: its alphabet and length, and a letter that tells it from others alike. {b64:…} is
// encoded after it was filled, {u:…} is a character that does not show, ⟦…⟧ is a secret as it stands.
var (
	made    = regexp.MustCompile(`<([WLlwshABNU])(\d*)[a-z]?>`)
	encoded = regexp.MustCompile(`\{b64:([^}]*\}?)\}`)
	unseen  = regexp.MustCompile(`\{u:([0-9a-f]+)\}`)
	written = regexp.MustCompile(`⟦([^⟧]*)⟧`)
)

var alphabets = map[string]string{
	"W": "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789", "L": "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz", "l": "abcdefghijklmnopqrstuvwxyz",
	"w": "abcdefghjkmnpqrstuvwxyz23456789", "s": "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789!#*+-.^_~", "h": "0123456789abcdef",
	"A": "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", "B": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "N": "0123456789",
}

// fillAttack makes the values of a line; one that stands twice is the same.
func fillAttack(r *rand.Rand, line string) (text string, values []string) {
	known := map[string]string{}
	text = made.ReplaceAllStringFunc(line, func(place string) string {
		if known[place] != "" {
			return known[place]
		}
		m := made.FindStringSubmatch(place)
		value := ""
		if m[1] == "U" {
			h := some(r, "h", 32)
			value = h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
		} else {
			n, _ := strconv.Atoi(m[2])
			value = some(r, m[1], n)
		}
		known[place] = value
		values = append(values, value)
		return value
	})
	text = unseen.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.ParseInt(unseen.FindStringSubmatch(s)[1], 16, 32)
		return string(rune(n))
	})
	for _, m := range written.FindAllStringSubmatch(text, -1) {
		values = append(values, pairsOfWords(m[1])...)
	}
	text = strings.NewReplacer("⟦", "", "⟧", "", "⏎", "\n", `\e`, "\x1b").Replace(text)
	return encoded.ReplaceAllStringFunc(text, func(s string) string {
		value := base64.StdEncoding.EncodeToString([]byte(strings.TrimSuffix(strings.TrimPrefix(s, "{b64:"), "}")))
		values = []string{value}
		return value
	}), values
}

// pairsOfWords returns each two words of a phrase that follow each other, since one word alone gives nothing away.
func pairsOfWords(phrase string) []string {
	words := strings.Fields(phrase)
	if len(words) < 2 {
		return words
	}
	pairs := make([]string, 0, len(words))
	for i, word := range words[1:] {
		pairs = append(pairs, words[i]+" "+word)
	}
	return pairs
}

func some(r *rand.Rand, alphabet string, n int) string {
	letters := alphabets[alphabet]
	for {
		var b strings.Builder
		for range n {
			b.WriteByte(letters[r.IntN(len(letters))])
		}
		if s := b.String(); n < 6 || alphabet == "l" || alphabet == "N" || strings.ContainsAny(s, "0123456789") == strings.ContainsAny(letters, "0123456789") {
			return s
		}
	}
}

func lines(t *testing.T, data string, each func(kind, line string)) {
	t.Helper()
	for line := range strings.Lines(data) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "#") {
			kind, rest, ok := strings.Cut(line, "\t")
			require.True(t, ok, line)
			each(kind, rest)
		}
	}
}

// TestAttackSecrets makes secrets in forms that the rules were not written for and prints what is found: go test ./redact -run TestAttack -v.
func TestAttackSecrets(t *testing.T) {
	t.Run("first", func(t *testing.T) { findSecrets(t, attackSecrets) })
	t.Run("held out", func(t *testing.T) { findSecrets(t, heldoutSecrets) })
	t.Run("alerts", func(t *testing.T) { findSecrets(t, alertsSecrets) })
	t.Run("incident", func(t *testing.T) { findSecrets(t, incidentSecrets) })
}

func findSecrets(t *testing.T, data string) {
	t.Helper()
	r := rand.New(rand.NewPCG(17, 18))
	found, all := 0, 0
	lines(t, data, func(kind, line string) {
		for range 2 {
			text, values := fillAttack(r, line)
			got := redacted(t, text)
			left := ""
			for _, v := range values {
				if strings.Contains(got, v) {
					left = v
				}
			}
			if all++; left == "" {
				found++
				continue
			}
			t.Logf("MISSED %s: %q leaves %q", kind, text, left)
		}
	})
	t.Logf("%d of %d found", found, all)
	assert.GreaterOrEqual(t, 100*found, 95*all)
}

func TestAttackBenign(t *testing.T) {
	t.Run("first", func(t *testing.T) { leaveAlone(t, attackBenign) })
	t.Run("held out", func(t *testing.T) { leaveAlone(t, heldoutBenign) })
	t.Run("alerts", func(t *testing.T) { leaveAlone(t, alertsBenign) })
	t.Run("incident", func(t *testing.T) { leaveAlone(t, incidentBenign) })
}

func leaveAlone(t *testing.T, data string) {
	t.Helper()
	r := rand.New(rand.NewPCG(19, 20))
	wrong, all := map[bool]int{}, map[bool]int{}
	lines(t, data, func(kind, line string) {
		for range 2 {
			text, values := fillAttack(r, line)
			names := kind == "id" || kind == "metric"
			if all[names]++; redacted(t, text) != text {
				wrong[names]++
				t.Logf("FALSE %s: %q became %q", kind, text, redacted(t, text))
			}
			if len(values) == 0 {
				break
			}
		}
	})
	t.Logf("wrong: %d of %d identifiers, %d of %d in prose and settings", wrong[true], all[true], wrong[false], all[false])
	assert.LessOrEqual(t, 100*wrong[true], all[true], "identifiers")
	assert.LessOrEqual(t, 100*wrong[false], 3*all[false], "prose")
}
