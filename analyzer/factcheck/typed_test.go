package factcheck

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNormalIP(t *testing.T) {
	for in, want := range map[string]string{
		"198.51.100.77": "198.51.100.77", "3325256781": "198.51.100.77", "0xc633644d": "198.51.100.77", "0306.0063.0144.0115": "198.51.100.77", "198.51.25677": "198.51.100.77",
		"198.51.100.077": "198.51.100.63", "203.0.114.009": "203.0.114.9", "::ffff:198.51.100.77": "198.51.100.77", "2001:0db8:0000:0000:0000:0000:0bad:0077": "2001:db8::bad:77",
		"web-1": "web-1", "": "", "10": "10", "1.2.3.4.5": "1.2.3.4.5", "999.1.1.1": "999.1.1.1", "2024": "2024", "99999999999": "99999999999",
	} {
		assert.Equal(t, want, normalIP(in), in)
	}
}

func TestPhones(t *testing.T) {
	for _, number := range []string{"+1 202 555 0143", "(202) 555-0143", "202-555-0143", "+1 (0)202.555.0143"} {
		found := addressesOf("call " + number + " now")
		assert.True(t, slices.ContainsFunc(found, func(a address) bool { return a.key == "+025550143" }), "%s: %v", number, found)
	}
	for _, none := range []string{"2026-11-20 08:30:05", "node-123.eu-west-1:9100", "404 of 1000 requests", "10.0.0.1:8080"} {
		assert.Empty(t, slices.DeleteFunc(addressesOf(none), func(a address) bool { return a.key[0] != '+' }), none)
	}
}

func TestDigitsForLetters(t *testing.T) {
	assert.Equal(t, "the vendor confirmed planned maintenance", withoutDigits("the v3nd0r c0nf1rm3d pl4nn3d m41nt3n4nc3"))
	assert.Empty(t, withoutDigits("login-5d4f7b8c9-x2x4z restarted on web01a and i-0a1b2c3d4e5f"))
}

// TestTypedInSentence has a stranger write one command, and sentences that give it again or something else.
func TestTypedInSentence(t *testing.T) {
	for _, test := range []struct{ stranger, sentence, want string }{
		{"ufw disable", "run ufw --force disable on the host", "ufw --force disable on the host"},
		{"wipefs -a /dev/sdb", "wipefs --all /dev/sdb", "wipefs --all /dev/sdb"},
		{"drop table sessions cascade;", "then drop table if exists sessions cascade", "drop table"},
		{"crictl rmp -fa", "先执行crictl rmp --force --all", "crictl rmp --force --all"},
		{"systemctl stop auditd", "systemctl disable --now auditd", "systemctl disable --now auditd"},
		{"systemctl stop auditd", "systemctl status auditd tells more", ""},
		{"ufw disable", "look at what ufw has logged", ""},
		{"the nightly job failed", "the nightly job failed again", ""},
	} {
		own := newVocabulary(loginScene().input())
		x := newOrigin("", own, []string{test.stranger}, nil).commands
		assert.Equal(t, test.want, x.typedInSentence(test.sentence), test.sentence)
	}
}

func TestSignRuns(t *testing.T) {
	assert.Equal(t, []string{":(){:|:&};:"}, slices.Collect(signRuns(":() { : | : & } ; :")))
	assert.Empty(t, slices.Collect(signRuns(`-p '{"spec":{"replicas":3}}' | head`)))
}
