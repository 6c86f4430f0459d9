package factcheck

import (
	"net/netip"
	"regexp"
	"strings"
)

// nameKind says how surely a run of letters, digits and signs is the name of one thing.
type nameKind int

const (
	noName nameKind = iota
	weakName
	strongName
)

var (
	commonForm = regexp.MustCompile(`(?i)^(?:p\d{1,3}(?:\.\d+)?|\d[x]{2}|v[1-4]|\d+(?:st|nd|rd|th)|[a-z]\d|ipv[46]|http[123s]?|https|oauth2?|k8s|log4j|x86(?:_64)?|` +
		`amd64|arm64|utf-?(?:8|16)|(?:sha|md|aes|base|int|uint|float)-?\d+|tls-?v?1(?:\.\d)?|ssl-?v?\d|iso-?\d+|rfc-?\d+|e2e|p2p|b2[bc]|ec2|i18n|` +
		`\d+(?:x\d+|k|m|g)?|24x7|fail2ban|oauth-?2(?:\.0)?|s3|http/[123](?:\.\d)?|h2c?|e\.g|i\.e|etc|vs|a\.m|p\.m|u\.s|node\.js|kube-system|localhost)$`)
	fileForm    = regexp.MustCompile(`(?i)\.(?:conf|cfg|ya?ml|json|log|go|py|js|ts|java|sql|md|txt|properties|env|toml|ini|sh|html?|css|xml|csv|gz|jar|lock|service)$`)
	versionForm = regexp.MustCompile(`^(?:v\d+(?:\.\d+)*|\d+(?:\.\d+){2,})(?:[-+.]?[0-9A-Za-z]+)*$`)
	hostForm    = regexp.MustCompile(`^(?:[a-z0-9](?:[a-z0-9_-]*)\.)+[a-z][a-z0-9-]*$`)
	metricForm  = regexp.MustCompile(`^[a-zA-Z:][a-zA-Z0-9:]*(?:_[a-zA-Z0-9:]+)*_(?:total|seconds|bytes|count|bucket|sum|ratio|info|percent|celsius|milliseconds|errors|requests|failures)$`)
	dashedForm  = regexp.MustCompile(`^[a-zA-Z]+(?:-[a-zA-Z]+)+$`)
	regionForm  = regexp.MustCompile(`^(?:us|eu|cn|ap|sa|ca|af|me|asia|europe)-[a-z]+(?:-[a-z]+)*$`)
	portForm    = regexp.MustCompile(`^[A-Za-z0-9._-]+:\d{2,5}$`)
)

// Last words of the names of services, and first ones that make such a name a common noun: per-node, message-queue.
var (
	serviceWords = wordSet(`service svc api db database server gateway proxy worker prod production staging cache redis mysql postgres kafka
		cluster exporter controller node app frontend backend scheduler operator ingress pod job queue broker replica primary agent daemon lb canary`)
	commonWords = wordSet(`per multi cross single in non pre post intra inter sub client server third read write hot cold on off two three high low
		same whole each all other one cron batch worker message task job primary api cache rate web back front out up down over under self
		full half mid long short new old real well single-page load third-party downstream upstream external internal stand shared custom
		name dns mail proxy reverse time app first second last home test dead delay event`)
)

// wordSet returns the words of a list.
func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

func isCommonForm(run string) bool { return commonForm.MatchString(run) }

// classify tells names from words, by their form alone. Where there is doubt it is no name: a false alarm costs more
// trust than a missed invention.
func classify(run string) nameKind {
	separated := strings.ContainsAny(run, "._:/@-")
	digit, alpha := strings.ContainsAny(run, "0123456789"), strings.IndexFunc(run, func(c rune) bool { return isLetter(byte(c)) }) >= 0
	switch {
	case isCommonForm(run):
		return noName
	case isAddress(run):
		return strongName
	case versionForm.MatchString(run), portForm.MatchString(run) && alpha:
		return strongName
	case metricForm.MatchString(run):
		return weakName
	case fileForm.MatchString(run), len(run) < 3:
		return noName
	case digit && alpha && separated && !strings.HasPrefix(run, "0x"):
		return strongName
	case digit && alpha && run == strings.ToLower(run):
		return weakName
	case strings.Contains(run, "@") && alpha:
		return strongName
	case hostForm.MatchString(run):
		return weakName
	case dashedForm.MatchString(run):
		return classifyDashed(run)
	}
	return noName
}

func classifyDashed(run string) nameKind {
	segments := strings.Split(strings.ToLower(run), "-")
	if regionForm.MatchString(run) {
		return weakName
	}
	if serviceWords[segments[len(segments)-1]] && !commonWords[segments[0]] {
		return weakName
	}
	return noName
}

// isAddress reports whether s is an IP address, alone or with a port, a prefix length, or a star at its end.
func isAddress(s string) bool {
	host := strings.TrimSuffix(strings.TrimSuffix(s, ".x"), ".*")
	if host != s {
		s = host + strings.Repeat(".0", max(3-strings.Count(host, "."), 0))
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return strings.ContainsAny(s, ".:")
	}
	if _, err := netip.ParsePrefix(s); err == nil {
		return true
	}
	_, err := netip.ParseAddrPort(s)
	return err == nil
}

// nameParts divides a run at its slashes, unless it is an address, a time or a URL.
func nameParts(run string) []string {
	if _, rest, ok := strings.Cut(run, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		return []string{host}
	}
	if !strings.Contains(run, "/") || isAddress(run) || isCommonForm(run) {
		return []string{run}
	}
	return strings.Split(run, "/")
}

// isLoopback reports whether an address is the machine's own, or none in particular: commands name those freely.
func isLoopback(s string) bool {
	host := s
	if ap, err := netip.ParseAddrPort(s); err == nil {
		host = ap.Addr().String()
	} else if p, err := netip.ParsePrefix(s); err == nil {
		host = p.Addr().String()
	}
	a, err := netip.ParseAddr(host)
	return err == nil && (a.IsLoopback() || a.IsUnspecified())
}
