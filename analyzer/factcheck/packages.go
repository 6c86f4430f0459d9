package factcheck

import (
	"regexp"
	"strings"
)

// installForm is what installs packages, pulls images and adds sources; what follows it names them.
var installForm = regexp.MustCompile(`\b(?:(?:pip3?|pipx|uv|uv pip|conda|mamba|gem|apt|apt-get|aptitude|dnf|yum|apk|zypper|brew|snap|flatpak|choco|winget|scoop|cpanm?|luarocks|opam|composer|` +
	`dotnet tool|cargo|go|npm|pnpm|yarn|bun|kubectl krew|ansible-galaxy(?: collection)?|gh extension|helm plugin|vagrant box|install-module|install-package)` +
	`(?: +-[\w-]+)* +(?:install|i|add|get|require|reinstall|upgrade|update|tap|run)|(?:docker|podman|nerdctl|crictl|ctr|skopeo|helm|singularity)(?: +images?)? +(?:pull|run|create|copy)|` +
	`helm +(?:install|upgrade|template|repo add)|npx|uvx|bunx|pnpm dlx|yarn dlx|go run|pipx run|cpan|git clone|gh repo clone|(?:add-apt-repository|apt-add-repository|apt-add)|set image|` +
	`nix-env +-\w+|nix profile install|poetry add|cargo add|install-module|install-package|--(?:image|index-url|extra-index-url|registry|repo|repository|channel|source)|dpkg -i|rpm -[uiv]+h?|pacman -s[yu]*)\b[ =]`)

// packageURL is a package as inventories name it.
var packageURL = regexp.MustCompile(`\bpkg:[a-z]+/(?:[\w.%-]+/)*([\w.-]+)`)

// installers are the words of installForm, of which a text has to have one.
var installers = wordSet(`pip pip3 pipx uv uvx conda mamba gem apt aptitude dnf yum apk zypper brew snap flatpak choco winget scoop cpan cpanm luarocks opam composer dotnet
	cargo go npm npx pnpm yarn bun bunx kubectl ansible gh helm vagrant install docker podman nerdctl crictl ctr skopeo singularity git add set image
	index registry repo repository channel source extra dpkg rpm pacman nix poetry`)

// mayInstall reports whether a text has a word of what installs something.
func mayInstall(f string) bool {
	may := false
	scanWords(f, func(word string, _ int) { may = may || installers[word] }, func(string, int) {})
	return may
}

const maxPackages = 12 // behind one command

// packagesOf returns what the commands within a folded text install. All words behind a command count where the text is a command;
// in a sentence the first one does, and those that go on like a list.
func packagesOf(f string, command bool) []string {
	if !mayInstall(f) {
		return nil
	}
	if !command {
		f = strings.ReplaceAll(f, "\n", " ")
	}
	var out []string
	for _, at := range installForm.FindAllStringIndex(f, maxTried) {
		rest := f[at[1]:]
		if end := strings.IndexAny(rest, "|;&\n`"); end >= 0 {
			rest = rest[:end]
		}
		first := true
		for i, word := range shellWords(rest) {
			if i == maxPackages {
				break
			}
			if word[0] == '-' {
				continue
			}
			name := packageName(word)
			if !first && !command && !strings.ContainsAny(name, "-/@0123456789") || plainTools[name] || plainWords[hashOf(stem(name))] {
				break
			}
			if first = false; len(name) > 2 && strings.Trim(name, "0123456789.") != "" {
				out = append(out, name)
			}
		}
	}
	return out
}

// packageName returns a package without its version.
func packageName(word string) string {
	name, _, _ := strings.Cut(word, "~")
	if i := strings.LastIndex(name, "@"); i > 0 {
		name = name[:i]
	}
	if i := strings.LastIndex(name, ":"); i > 0 && !strings.HasPrefix(name, "ppa:") && !strings.Contains(name, "://") {
		name = name[:i]
	}
	return strings.Trim(name, ".,:!?")
}
