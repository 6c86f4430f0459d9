package factcheck

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alertscribe/alertscribe/text"
)

var (
	// linkForm is an address with a scheme, or what readers take for one.
	linkForm = regexp.MustCompile(`(?i)\b(?:https?|ftps?|file|ssh|javascript|data|git|oci|docker|s3|gs|ldaps?|tcp|udp|wss?|nfs|smb|rsync|[a-z]{2,10}\+[a-z]{2,10})://?[^\s"'<>|\x60\\）)，。]+|\b[a-z][a-z0-9]{1,14}://[^\s"'<>|\x60\\）)，。]+|` +
		`\bwww\.[a-z0-9-]+\.[^\s"'<>|\x60\\）)，。]+`)
	mailForm   = regexp.MustCompile(`[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*`)
	hostRun    = regexp.MustCompile(`(?:[\p{L}\p{N}_](?:[\p{L}\p{N}_-]*[\p{L}\p{N}])?\.)+(?:xn--[a-z0-9-]+|\p{L}[\p{L}\p{N}-]*[\p{L}\p{N}])`)
	numberRun  = regexp.MustCompile(`(?:[0-9a-f]{0,4}:){2,6}\d{1,3}(?:\.\d{1,3}){3}|\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?|\b0x(?:[0-9a-f]{40}|[0-9a-f]{8})\b|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}`)
	imageForm  = regexp.MustCompile(`[\p{L}\p{N}][\w.-]*(?::\d+)?(?:/[\w.-]+)+(?::[\w][\w.-]*|@sha256:[0-9a-f]+)`)
	sourceForm = regexp.MustCompile(`\bppa:[\w./+-]+|(?:^|[\s"'=:(,])@[a-z0-9][\w.-]*/[\w.-]+|\bgit@[\w.-]+:[\w./-]+`)
	phoneForm  = regexp.MustCompile(`\+\d[\d ()./-]{6,}\d|\(?\b\d{3,4}\)?[ -]\d{3,4}[ -]\d{4}\b`)
	// contactForm is the name of somebody to reach, or his number, behind where.
	contactForm = regexp.MustCompile(`(?:微信号?|微信群|wechat|weixin|qq号?|qq群|telegram|skype|whatsapp|discord|飞书|钉钉|电话|手机|热线)[ :=]*@?([a-z0-9][\w.-]{4,})`)
	handleForm  = regexp.MustCompile(`(?:^|[\s("'=:,])[@#][\p{L}][\w-]{2,}`)
	fanged      = strings.NewReplacer("hxxp", "http", "[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "(dot)", ".", " dot ", ".", "[:]", ":", "[at]", "@", "(at)", "@", "[://]", "://")
)

// fileTops are what the names of files end with, fileForm's among them.
var fileTops = wordSet(`conf cfg yaml yml json log go py js ts java sql md txt properties env toml ini sh html htm css xml csv gz jar lock service
	phtml jsp jspx asp aspx cgi rb c h cpp exe dll so db sock socket pid tar tgz bz2 xz bak tmp rpm deb whl timer mount target slice scope png jpg jpeg
	svg pdf err out old pem crt key csr local php php0 php1 php2 php3 php4 php5 php6 php7 php8 php9`)

const longestCommon = 12 // bytes of the longest common form that has a dot

const longestTop = 12 // letters of the last part of a host's name

// contactWords are the words of contactForm.
var contactWords = strings.Fields("微信 wechat weixin qq telegram skype whatsapp discord 飞书 钉钉 电话 手机 热线")

// address is what leads somewhere: a host, an IP address, a mail address, a package, an image or its source.
type address struct {
	key  string // as it is compared
	text string // as it stands in the folded text
	bare bool   // a host or IP address by itself: no URL, no path, no user
}

// addressesOf returns the addresses in a folded text.
func addressesOf(f string) []address { return addressesIn(f, nil) }

// addressesIn leaves out words that were seen before, where seen is a map.
func addressesIn(f string, seen map[string]bool) []address {
	f = fanged.Replace(text.CutBytes(f, maxFieldBytes))
	x := &addressScan{f: f, seen: seen}
	if strings.ContainsAny(f, "+@#") {
		x.addForm(handleForm, nil)
		x.addForm(sourceForm, nil)
	} else if strings.Contains(f, "ppa:") {
		x.addForm(sourceForm, nil)
	}
	if mayCall(f) {
		x.addForm(phoneForm, phoneKey)
	}
	if slices.ContainsFunc(contactWords, func(word string) bool { return strings.Contains(f, word) }) {
		for _, m := range contactForm.FindAllStringSubmatch(f, maxTried) {
			x.add(m[1], m[1], false)
		}
	}
	start := -1
	for i := 0; i <= len(f) && len(x.out) < maxTried; i++ {
		if i < len(f) && (isAlphanumeric(f[i]) || f[i] >= utf8.RuneSelf || strings.IndexByte("._-@:/%+~", f[i]) >= 0) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			x.word(start, i)
			start = -1
		}
	}
	return x.out
}

// addressScan gathers the addresses of a text.
type addressScan struct {
	f    string
	seen map[string]bool
	out  []address
}

func (x *addressScan) add(key, s string, bare bool) {
	if a := (address{key, strings.TrimSpace(s), bare}); key != "" && len(x.out) < maxTried && !slices.Contains(x.out, a) {
		x.out = append(x.out, a)
	}
}

// addForm adds what has a form, compared as key says.
func (x *addressScan) addForm(form *regexp.Regexp, key func(string) string) {
	for _, s := range form.FindAllString(x.f, maxTried) {
		if s = strings.Trim(s, " \t\n\"'=(:,"); key != nil {
			x.add(key(s), s, false)
		} else {
			x.add(s, s, false)
		}
	}
}

// word adds the addresses within a run of the characters that addresses are made of.
func (x *addressScan) word(start, end int) {
	s := x.f[start:end]
	if !strings.ContainsAny(s, ".:@/") && !strings.Contains(s, "0x") || x.seen[s] {
		return
	}
	if x.seen != nil {
		x.seen[s] = true
	}
	dots, colons := strings.Count(s, "."), strings.Count(s, ":")
	if strings.Contains(s, "@") {
		for _, mail := range mailForm.FindAllString(s, maxTried) {
			x.add(mail, mail, false)
		}
	}
	if strings.Contains(s, "/") && (colons > 0 || strings.Contains(s, "@")) {
		for _, image := range imageForm.FindAllString(s, maxTried) {
			x.add(image, image, false)
		}
	}
	if dots > 0 {
		for _, at := range hostRun.FindAllStringIndex(s, maxTried) {
			at[0], at[1] = at[0]+start, at[1]+start
			if host := x.f[at[0]:at[1]]; isHostName(host, x.f[at[1]:]) {
				x.add(host, host, isBare(x.f, at))
			}
		}
	}
	if colons < 2 && !strings.Contains(s, "0x") && (dots < 3 || dotsBetweenDigits(s) < 3) {
		return
	}
	for _, at := range numberRun.FindAllStringIndex(s, maxTried) {
		at[0], at[1] = at[0]+start, at[1]+start
		ip, _, _ := strings.Cut(x.f[at[0]:at[1]], "/")
		if normal := normalIP(ip); (isAddress(normal) || strings.HasPrefix(ip, "0x")) && !isLoopback(normal) {
			x.add(normal, x.f[at[0]:at[1]], isBare(x.f, at))
		}
	}
}

// dotsBetweenDigits counts the dots of which an IPv4 address has three.
func dotsBetweenDigits(s string) int {
	n := 0
	for i := 1; i+1 < len(s); i++ {
		if s[i] == '.' && isDigit(s[i-1]) && isDigit(s[i+1]) {
			n++
		}
	}
	return n
}

const leastPhone = 8 // digits

// mayCall reports whether a text may hold a telephone number: digits behind a plus, or three or four in a row and more behind one sign.
func mayCall(f string) bool {
	digits := 0
	for i := range len(f) {
		switch {
		case !isDigit(f[i]):
			if (digits == 3 || digits == 4) && i+1 < len(f) && (isDigit(f[i+1]) || f[i] == ')') && (f[i] == ' ' || f[i] == '-' || f[i] == ')') {
				return true
			}
			digits = 0
		case i > 0 && f[i-1] == '+':
			return true
		default:
			digits++
		}
	}
	return false
}

// phoneKey returns what two ways to write a number have in common: its last digits.
func phoneKey(s string) string {
	digits := strings.Map(onlyDigits, strings.ReplaceAll(s, "(0)", ""))
	return "+" + digits[max(len(digits)-leastPhone-1, 0):]
}

func onlyDigits(r rune) rune {
	if r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// isBare reports whether what stands at a place is no part of a longer address.
func isBare(f string, at []int) bool {
	before, after := "", f[at[1]:]
	if at[0] > 0 {
		before = f[at[0]-1 : at[0]]
	}
	port := strings.TrimLeft(after, "0123456789:")
	return before != "/" && before != "@" && !strings.HasPrefix(port, "/")
}

// isHostName reports whether what has the form of a host's name is one, and no file, no method and no class.
func isHostName(host, after string) bool {
	labels := strings.Split(host, ".")
	top := labels[len(labels)-1]
	switch {
	case strings.HasPrefix(after, "("), len(top) > longestTop && !strings.HasPrefix(top, "xn--"), len(host) < 4, strings.Trim(host, "0123456789.ms") == "":
		return false
	case strings.HasSuffix(host, "kubernetes.io"), strings.HasSuffix(host, "k8s.io"), len(host) <= longestCommon && isCommonForm(host):
		return false
	case fileTops[strings.ToLower(top)] && !strings.HasPrefix(after, "/"):
		return len(labels) > 2 && (top == "sh" || top == "py" || top == "md")
	}
	return true
}

// addressIndex finds addresses that strangers name.
type addressIndex struct {
	own      *vocabulary
	known    map[string]bool // addresses as they are compared, and the hosts of mail addresses
	parents  map[string]bool // what the hosts are below of
	packages map[string]bool // what commands within the text install
	words    map[string]bool // all
	seen     map[string]bool // what was looked at closely
}

func newAddressIndex(own *vocabulary) *addressIndex {
	return &addressIndex{own, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
}

// add adds a folded text, whose words are known.
func (x *addressIndex) add(f string, words []string) {
	for _, a := range addressesIn(f, x.seen) {
		x.known[a.key] = true
		if _, host, ok := strings.Cut(a.key, "@"); ok {
			x.known[host] = true
		}
		for parent := range parentsOf(a.key) {
			x.parents[parent] = true
		}
	}
	if strings.Contains(f, ":/") || strings.Contains(f, "www.") {
		for _, link := range linkForm.FindAllString(fanged.Replace(text.CutBytes(f, maxFieldBytes)), maxTried) {
			if host := hostOf(link); host != "" {
				x.known[normalIP(host)] = true
			}
		}
	}
	for _, name := range packagesOf(f, false) {
		x.packages[name] = true
	}
	if strings.Contains(f, "pkg:") {
		for _, m := range packageURL.FindAllStringSubmatch(f, maxTried) {
			x.packages[m[1]] = true
		}
	}
	for _, word := range words {
		if !x.words[word] {
			x.words[word], x.words[packageName(word)] = true, true
		}
	}
}

// localTops are the last parts of names that are no domains anybody could register: names below them have nothing in common.
var localTops = wordSet(`local internal lan svc cluster test corp home arpa intranet`)

// parentsOf yields the domains that a host is below of, those that anybody can register names below left out.
func parentsOf(host string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		labels := strings.Split(host, ".")
		if localTops[labels[len(labels)-1]] || strings.Trim(host, "0123456789.") == "" {
			return
		}
		for i := 1; i < len(labels)-1; i++ {
			if parent := strings.Join(labels[i:], "."); len(labels)-i > 2 || len(labels[i]) > 3 {
				if !yield(parent) {
					return
				}
			}
		}
	}
}

// names reports whether strangers name an address, another host of its domain, or the domain itself.
func (x *addressIndex) names(key string) bool {
	if x.known[key] || x.parents[key] {
		return true
	}
	if _, host, ok := strings.Cut(key, "@"); ok && (x.known[host] || x.parents[host]) {
		return true
	}
	for parent := range parentsOf(key) {
		if x.known[parent] {
			return true
		}
	}
	return false
}

// fetchers bring something from a host, or send something there.
var fetchers = wordSet(`curl wget nc ncat socat scp rsync sftp ftp tftp git pip pip3 npm docker podman helm bash sh python python3 http https xdg-open open lynx fetch iwr irm`)

// strange returns the addresses of a folded text that only strangers name. What the incident is about may be named by itself, but
// not fetched from; command says that the text is one.
func (x *addressIndex) strange(f string, command bool) []string {
	var out []string
	if len(x.known)+len(x.packages)+len(x.words) == 0 {
		return nil
	}
	for _, part := range simpleCommands(strings.ReplaceAll(f, "\\\n", "")) {
		fetched := slices.ContainsFunc(shellWords(part), func(word string) bool { return fetchers[word] })
		for _, a := range addressesOf(part) {
			host := hostPart(a.key)
			if x.own.hosts[host] || x.own.places[host] && a.bare && !fetched || !x.names(a.key) {
				continue
			}
			out = append(out, a.text)
		}
	}
	for _, name := range packagesOf(f, command) {
		if x.words[name] && !plainTools[name] && !x.own.tokens[name] && !x.own.composedOfNames(name) || x.packages[name] && !x.own.tokens[name] && !plainTools[name] {
			out = append(out, name)
		}
	}
	for _, word := range shellWords(f) {
		if name := packageName(word); x.packages[name] && !x.own.isPlainToken(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// normalIP returns an IP address as it is written most of the time, of whatever a browser takes for one: a number, hexadecimal and
// octal parts, IPv6 in full, IPv4 within it. Any other text stays.
func normalIP(s string) string {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().String()
	}
	if s == "" || !isDigit(s[0]) || strings.Trim(s, "0123456789abcdefx.") != "" {
		return s
	}
	parts := strings.Split(s, ".")
	if len(parts) > net.IPv4len || len(parts) == 1 && len(s) < leastPhone {
		return s
	}
	var whole uint64
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 0, 32)
		if err != nil { // 009
			n, err = strconv.ParseUint(part, 10, 32)
		}
		bits := 8
		if i == len(parts)-1 { // the last part fills what is left
			bits = 8 * (net.IPv4len - i)
		}
		if err != nil || n >= 1<<bits {
			return s
		}
		whole = whole<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(whole >> 24), byte(whole >> 16), byte(whole >> 8), byte(whole)}).String()
}

func hostOf(link string) string {
	if !strings.Contains(link, "://") {
		link = "http://" + link
	}
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
