package factcheck

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	// What separates words in a shell beside blanks, and where one command ends and another begins.
	emptyVariables  = regexp.MustCompile(`\$\{ifs[^}]*\}|\$ifs\b(?:\$[0-9@*])?`)
	emptyParameters = regexp.MustCompile(`\$(?:[@*0-9]|\{[@*0-9]\})`)
	shellSeparators = regexp.MustCompile(`\|\|?|&&?|;|\n|\$\(|<\(|\x60`)
	quotesOfShell   = strings.NewReplacer("\\\n", "", "$'", "", `$"`, "", "'", "", `"`, "", `\`, "")
)

// wrappers stand before a command and run it.
var wrappers = wordSet(`sudo sh bash zsh dash ksh -c -lc -s exec nohup env time command eval xargs then do run`)

// shellWords divides a folded text into words as a shell would: at blanks and at the shell's own characters, without quotes,
// backslashes and variables that are empty. Sentences are divided like this, too, so that a command is found within them; signs
// of scripts without spaces are left out.
func shellWords(f string) []string {
	if strings.Contains(f, "$") {
		f = emptyParameters.ReplaceAllString(emptyVariables.ReplaceAllString(f, " "), "")
	}
	if strings.ContainsAny(f, "'\"\\") {
		f = quotesOfShell.Replace(f)
	}
	var words []string
	for word := range strings.FieldsFuncSeq(f, partsShellWords) {
		if word = strings.Trim(word, ".:!?*"); word != "" {
			words = append(words, word)
		}
	}
	return words
}

// dividers are the characters of ASCII that stand between words of a shell.
var dividers = func() (set [utf8.RuneSelf]bool) {
	for _, r := range "\t\n\v\f\r |;&()<>{}[]$=,`" {
		set[r] = true
	}
	return set
}()

func partsShellWords(r rune) bool {
	if r < utf8.RuneSelf {
		return dividers[r]
	}
	return unicode.IsSpace(r) || strings.ContainsRune("。、！？", r) || isUnspaced(r)
}

// simpleCommands returns what stands between the separators of commands.
func simpleCommands(f string) []string {
	if !strings.ContainsAny(f, "|&;\n$<`") {
		return []string{f}
	}
	return shellSeparators.Split(f, -1)
}

// unwrapped returns the words of a command without what only runs it.
func unwrapped(words []string) []string {
	for len(words) > 1 {
		switch at := slices.Index(words, "--"); {
		case words[0] == "ssh" || words[0] == "chroot":
			words = words[1:]
			for len(words) > 1 && words[0][0] == '-' {
				words = words[1:]
			}
			words = words[1:] // the host
		case (words[0] == "kubectl" || words[0] == "docker") && at > 0 && at+1 < len(words):
			words = words[at+1:]
		case wrappers[words[0]]:
			words = words[1:]
		default:
			return words
		}
	}
	return words
}

// bareLetters returns the letters and digits of a folded text.
func bareLetters(f string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, f)
}

// commandIndex finds what commands have in common with texts of strangers.
type commandIndex struct {
	own     *vocabulary
	words   map[uint64]bool // each by itself
	runs    map[uint64]bool // two and three in a row
	strange map[uint64]bool // two in a row, what is plain left out
	wholes  map[uint64]bool // letters and digits of whole texts
	plain   map[uint64]bool // words that were looked at: alerts of one group say much the same
	tools   map[string]bool // with which texts begin that look like commands
	signs   map[string]bool // of the shell, in a row
	letters shingles
}

func newCommandIndex(own *vocabulary, letters shingles) *commandIndex {
	return &commandIndex{
		own: own, letters: letters, words: map[uint64]bool{}, runs: map[uint64]bool{}, strange: map[uint64]bool{},
		wholes: map[uint64]bool{}, plain: map[uint64]bool{}, tools: map[string]bool{}, signs: map[string]bool{},
	}
}

const leastWhole = 2 // letters and digits

// addWhole adds a text that a command may equal, and the commands within it that stand between backticks.
func (x *commandIndex) addWhole(f string) {
	texts := []string{f}
	if !strings.Contains(f, "`") {
		f = ""
	}
	for _, code := range codeForm.FindAllStringSubmatch(f, maxTried) {
		texts = append(texts, code[1])
	}
	for _, whole := range texts {
		if letters := bareLetters(whole); len(letters) >= leastWhole {
			x.wholes[hashOf(letters)] = true
		}
	}
}

// add adds the words of a text.
func (x *commandIndex) add(words []string) {
	before := make([]uint64, 0, len(words))
	last := uint64(0) // the strange word before
	for i, word := range words {
		h := hashOfWord(word)
		x.words[h] = true
		if before = append(before, h); i > 0 {
			x.runs[joined(before[i-1], h)] = true
		}
		if i > 1 {
			x.runs[joined(before[i-2], before[i-1], h)] = true
		}
		if !x.isPlain(h, word) {
			if last != 0 {
				x.strange[joined(last, h)] = true
			}
			last = h
		}
	}
}

func (x *commandIndex) isPlain(h uint64, word string) bool {
	plain, seen := x.plain[h]
	if !seen {
		plain = x.own.isPlainToken(word)
		x.plain[h] = plain
	}
	return plain
}

// longest returns how many words, from the first on, stand in a row in a text.
func (x *commandIndex) longest(words []string) int {
	if len(words) == 0 || !x.words[hashOfWord(words[0])] {
		return 0
	}
	n := 1
	for n < min(len(words), maxRun) {
		step := joined(hashOfWord(words[n-1]), hashOfWord(words[n]))
		if n > 1 {
			step = joined(hashOfWord(words[n-2]), hashOfWord(words[n-1]), hashOfWord(words[n]))
		}
		if !x.runs[step] {
			break
		}
		n++
	}
	return n
}

// repeated returns the part of a folded command that strangers have written; "" for none.
func (x *commandIndex) repeated(f string) string {
	if letters := bareLetters(f); len(letters) >= leastWhole && x.wholes[hashOf(letters)] {
		return oneLine(f)
	}
	if run := x.repeatedSigns(f); run != "" {
		return run
	}
	f = x.withoutCompared(f)
	if part := x.repeatedSimple(f); part != "" {
		return part
	}
	all := shellWords(f)
	if run := x.repeatedRun(all); run != "" {
		return run
	}
	return oneLine(x.letters.copied(x.own.withoutNames(f), x.own.isPlainToken))
}

// repeatedSimple returns the simple command within a command that strangers have written, in whatever order and with other flags;
// "" for none.
func (x *commandIndex) repeatedSimple(f string) string {
	all := shellWords(f)
	if core := unwrapped(all); len(core) > 0 && x.anyStrange(core) && x.longest(core) == min(len(core), maxRun) {
		return strings.Join(core, " ")
	}
	if x.allStrangeKnown(all) { // taken apart, with variables between
		return strings.Join(all, " ")
	}
	for _, part := range simpleCommands(f) {
		words := unwrapped(shellWords(part))
		if len(words) > 1 && x.anyStrange(words) && (x.allStrangeKnown(words) || x.knownButFlag(words)) ||
			x.knownCommand(words) || x.knownTool(words) {
			return strings.Join(words, " ")
		}
	}
	return ""
}

// repeatedRun returns words in a row that strangers have written in a row: three with a strange one among them, two strange ones
// whatever plain ones stand between them, or one that is long and the name of nothing.
func (x *commandIndex) repeatedRun(words []string) string {
	last := -1 // the strange word before
	for i, word := range words {
		strange := !x.own.isPlainToken(word)
		if n := x.longest(words[i:min(i+maxLook, len(words))]); n >= runWords && x.anyStrange(words[i:i+n]) || n > 1 && x.anyStarting(words[i:i+n]) {
			return strings.Join(words[i:i+n], " ")
		}
		if !strange {
			continue
		}
		h := hashOfWord(word)
		if last >= 0 && x.strange[joined(hashOfWord(words[last]), h)] {
			return strings.Join(words[last:i+1], " ")
		}
		if x.words[h] && isTelling(word) {
			return word
		}
		last = i
	}
	return ""
}

const maxLook = 12 // words of a run that are looked at from each word on

const tellingStart = 8 // bytes from which one word and the next count as copied

// anyStarting reports whether a strange word is among words that changes something, or is long.
func (x *commandIndex) anyStarting(words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool {
		return (changing[word] || len(word) >= tellingStart) && !x.own.isPlainToken(word)
	})
}

const tellingWord = 12 // bytes from which one word counts as copied

// isTelling reports whether one word is enough: it is long, or an encoded text.
func isTelling(word string) bool {
	return len(word) >= tellingWord || len(word) >= tellingStart && word[0] == '/' && strings.Count(word, "/") > 1 || len(word) >= tellingWord*2/3 && strings.ContainsAny(word, "0123456789") && strings.ContainsAny(word, "abcdefghijklmnopqrstuvwxyz") &&
		strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789+/_-") == "" && !strings.ContainsAny(word, "-_/")
}

func (x *commandIndex) anyStrange(words []string) bool {
	for _, word := range words {
		if !x.own.isPlainToken(word) {
			return true
		}
	}
	return false
}

// allStrangeKnown reports whether at least two words of a simple command are strange, and strangers have written all of those,
// in whatever order.
func (x *commandIndex) allStrangeKnown(words []string) bool {
	seen := map[string]bool{}
	for _, word := range words {
		if x.own.isPlainToken(word) {
			continue
		}
		if !x.knows(word) {
			return false
		}
		seen[word] = true
	}
	return len(seen) > 1
}

// knownButFlag reports whether strangers have written all words of a simple command, a flag left out, and what it runs is not plain.
func (x *commandIndex) knownButFlag(words []string) bool {
	if x.own.isPlainToken(words[0]) {
		return false
	}
	unknown := 0
	for i, word := range words {
		if x.knows(word) {
			continue
		}
		if unknown++; i == 0 || word[0] != '-' || unknown > 1 {
			return false
		}
	}
	return true
}

var comparedForm = regexp.MustCompile(`[=~]\s*(?:"([^"\n]*)"|'([^'\n]*)')`)

// withoutCompared returns a command without the label values that it compares with: state = 'idle in transaction'.
func (x *commandIndex) withoutCompared(f string) string {
	return comparedForm.ReplaceAllStringFunc(f, func(compared string) string {
		found := comparedForm.FindStringSubmatch(compared)
		value := found[1] + found[2]
		if x.own.names[value] && len(strings.Fields(value)) <= maxNameParts && !strings.ContainsAny(value, "|;&<>$`(){}/") {
			return "="
		}
		return compared
	})
}

// shellTools begin commands that are written into sentences.
var shellTools = wordSet(`curl wget rm dd kubectl helm docker podman pip pip3 npm npx apt apt-get yum dnf apk sudo bash sh systemctl service chmod chown kill pkill
	killall iptables nc ncat socat ssh scp rsync git python python3 perl ruby php node mysql psql redis-cli useradd usermod passwd crontab reboot shutdown mkfs truncate
	tar unzip openssl base64 powershell iex invoke-webrequest certutil bitsadmin mshta reg schtasks aws gcloud az terraform ansible vault oc etcdctl`)

// repeatedInSentence returns a command that a folded sentence gives and strangers have written; "" for none. Words in a row make
// one, if what only commands have is among them.
func (x *commandIndex) repeatedInSentence(f string) string {
	words := shellWords(f)
	for i := 0; i < len(words); i++ {
		n := x.longest(words[i:])
		run := words[i : i+n]
		if n >= runWords-1 && x.anyStrange(run) && looksTyped(run) {
			return strings.Join(run, " ")
		}
		i += max(n-2, 0) // two words of it may begin the next one
	}
	return ""
}

// looksTyped reports whether words look like a command rather than like a sentence.
func looksTyped(words []string) bool {
	for i, word := range words {
		if len(word) > 1 && word[0] == '-' || shellTools[word] && i+1 < len(words) || strings.Contains(word, "/") && len(word) > 3 {
			return true
		}
	}
	return false
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
