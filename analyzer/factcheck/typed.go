package factcheck

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// sameWord maps words of commands that do the same to one of them.
var sameWord = func() map[string]string {
	m := map[string]string{}
	for _, same := range []string{
		"delete remove rm uninstall destroy drop purge erase del rmdir unlink truncate wipe", "stop disable mask kill halt terminate",
		"pvc persistentvolumeclaim persistentvolumeclaims", "apt apt-get aptitude", "pip pip3", "yum dnf", "nc ncat netcat", "docker podman nerdctl", "npm pnpm yarn", "mongo mongosh", "python python3",
		"powershell pwsh", "iwr invoke-webrequest irm invoke-restmethod", "iex invoke-expression",
	} {
		words := strings.Fields(same)
		for _, word := range words {
			m[word] = words[0]
		}
	}
	return m
}()

// hashOfWord returns the hash of a word of a command, one for all words that do the same.
func hashOfWord(word string) uint64 {
	word = strings.TrimSuffix(word, ".exe")
	if same, ok := sameWord[word]; ok {
		word = same
	}
	return hashOf(word)
}

// knows reports whether strangers have written a word.
func (x *commandIndex) knows(word string) bool { return x.words[hashOfWord(word)] }

// changers are tools that change something by their name alone, and are no words of sentences.
var changers = wordSet(`rm rmdir shred wipefs mkfs dd chmod chown chattr setcap setfacl setenforce iptables ip6tables nft ufw firewall-cmd useradd userdel usermod adduser deluser
	groupadd passwd chpasswd visudo crontab killall pkill reboot poweroff shutdown swapoff umount insmod modprobe rmmod sysctl lvremove vgremove pvremove fdisk parted
	vssadmin bcdedit wevtutil auditpol diskpart cryptsetup auditctl schtasks setx mkfifo losetup fallocate`)

// typedTools are more tools that begin commands within sentences.
var typedTools = wordSet(`crictl ctr nerdctl buildah skopeo istioctl linkerd argocd flux kustomize eksctl kubeadm psql mysqladmin mysqldump mongosh mongo sqlplus cqlsh redis-cli
	etcdctl consul nomad amtool promtool nmcli hostnamectl timedatectl update-rc.d chkconfig rabbitmqctl rabbitmqadmin kafka-topics kafka-topics.sh nats influx clickhouse-client zfs
	zpool lvm mdadm ansible-playbook ansible-pull ansible-galaxy pulumi eksctl gsutil history unset export wmic netsh sc reg tee sed awk find xargs systemd-run journalctl pwsh cmd`)

// Statements of SQL begin with a verb of sentences, and with what it is about.
var (
	sqlVerbs   = wordSet(`drop truncate alter grant revoke insert update delete create copy select`)
	sqlObjects = wordSet(`table database schema role user index view all into from trigger function system extension`)
)

func isSQL(words []string) bool {
	return len(words) > 1 && sqlVerbs[words[0]] && (sqlObjects[words[1]] || words[0] == "select" && slices.Contains(words, "from"))
}

// learn learns the tool that a text begins with, if what follows looks like the rest of a command; and the signs of a shell in a row.
func (x *commandIndex) learn(f string, words []string) {
	for run := range signRuns(f) {
		for i := range len(run) - signRun + 1 {
			x.signs[run[i:i+signRun]] = true
		}
	}
	if core := unwrapped(words); len(core) > 1 && len(core) <= maxLook {
		if next := core[1]; next[0] == '-' || next[0] == '/' || changing[next] || isSQL(core) {
			x.tools[core[0]] = true
		}
	}
}

// knownCommand reports whether strangers have written what a simple command says: its tool and all that is strange behind it, flags and
// numbers left out.
func (x *commandIndex) knownCommand(words []string) bool {
	if len(words) < 2 || !x.knows(words[0]) {
		return false
	}
	strange := changing[words[0]] && !x.own.isPlainToken(words[0])
	for _, word := range words[1:] {
		if word[0] == '-' || strings.Trim(word, "0123456789.:%") == "" || x.own.isPlainToken(word) {
			continue
		}
		if !x.knows(word) {
			return false
		}
		strange = true
	}
	return strange
}

// knownTool reports whether a simple command runs what only strangers have named, and that changes something or is a rare thing.
func (x *commandIndex) knownTool(words []string) bool {
	if len(words) < 2 || !x.knows(words[0]) || x.own.isPlainToken(words[0]) {
		return false
	}
	return changers[words[0]] || x.tools[words[0]] && len(words[0]) >= tellingStart && !shellTools[words[0]]
}

const signRun = 10 // signs of a shell in a row that count as copied

// repeatedSigns returns a command of signs alone that strangers have written, such as :(){ :|:& };: and "" else.
func (x *commandIndex) repeatedSigns(f string) string {
	if len(x.signs) == 0 {
		return ""
	}
	for run := range signRuns(f) {
		for i := range len(run) - signRun + 1 {
			if x.signs[run[i:i+signRun]] {
				return run
			}
		}
	}
	return ""
}

// signRuns yields the long runs of signs in a text, blanks between them left out.
func signRuns(f string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var run []byte
		for i := 0; i <= len(f); i++ {
			if i < len(f) && (f[i] == ' ' || f[i] > ' ' && f[i] < utf8.RuneSelf && !isAlphanumeric(f[i])) {
				if f[i] != ' ' {
					run = append(run, f[i])
				}
				continue
			}
			if len(run) >= signRun && strings.ContainsAny(string(run), "|&;") && !yield(string(run)) {
				return
			}
			run = run[:0]
		}
	}
}

// runWords of a sentence stand before a command.
var beforeTyped = wordSet(`run execute running executing with using via then and sudo by do type enter issue try call paste # $`)

const (
	maxTyped   = 4 // commands of a line that are looked at
	shortTyped = 4 // words of a command that needs no flag and no path to look like one
)

// typedInSentence returns a command that a folded sentence gives without saying so, and that strangers have written in whatever order and
// with other flags; "" for none.
func (x *commandIndex) typedInSentence(f string) string {
	tried := 0
	start, before := 0, ""
	for start < len(f) && tried < maxTyped {
		end := start
		for end < len(f) && f[end] > ' ' {
			end++
		}
		word := strings.Trim(f[start:end], "\"'`(),.:;")
		if i := strings.LastIndexFunc(word, isUnspaced); i >= 0 { // signs stand before it
			_, size := utf8.DecodeRuneInString(word[i:])
			word, before = word[i+size:], ":"
		}
		if x.isTool(word) && (before == "" || beforeTyped[before] || strings.ContainsAny(before[len(before)-1:], ":`\"'(,;")) {
			tried++
			if part := x.typedFrom(f[strings.Index(f[start:], word)+start:]); part != "" {
				return part
			}
		}
		if end > start {
			before = f[start:end]
		}
		if end < len(f) && f[end] == '\n' {
			before = ""
		}
		start = end + 1
	}
	return ""
}

func (x *commandIndex) isTool(word string) bool {
	return word != "" && (shellTools[word] || typedTools[word] || changers[word] || sqlVerbs[word] || x.tools[word])
}

// typedFrom is typedInSentence for what begins with a tool.
func (x *commandIndex) typedFrom(f string) string {
	line, _, _ := strings.Cut(f, "\n")
	for _, end := range []string{". ", "。", "；", "，"} {
		line, _, _ = strings.Cut(line, end)
	}
	words := shellWords(line)
	typed := len(words) > 1 && (looksTyped(words[1:]) || isSQL(words) || strings.Contains(line, "&&") || strings.ContainsAny(line, "|>$"))
	switch {
	case len(words) < 2, len(words) > shortTyped && !typed:
		return ""
	case x.wholes[hashOf(bareLetters(line))]:
		return oneLine(line)
	}
	line = x.withoutCompared(line)
	if part := x.repeatedSimple(line); part != "" || !typed {
		return part
	}
	return x.repeatedRun(shellWords(line))
}
