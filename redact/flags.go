package redact

import "strings"

// dash is the rule for - : keys in their own format, and flags of command lines.
func (c *scanner) dash(i int) int {
	switch {
	case strings.HasPrefix(c.s[i:], "-----BEGIN "):
		return c.pem(i)
	case strings.HasPrefix(c.s[i:], "-----END "):
		return c.pemTail(i)
	case strings.HasPrefix(c.s[i:], "---- BEGIN "):
		return c.ssh2(i)
	}
	if next := c.mailchimp(i); next > i {
		return next
	}
	if i > 0 && (isWord[c.s[i-1]] || c.s[i-1] == '-') && !c.escapeBefore(i) {
		return i
	}
	name := c.skip(i, 2, "-")
	end := keyChars.run(c.s[:min(len(c.s), name+64)], name)
	if end == name {
		return i
	}
	if next := c.flagOfCommand(i, name, end); next > i {
		return next
	}
	k := classify(c.s[name:end])
	if end == len(c.s) || k.kind == "" || k.kind == Authorization || k.kind == Cookie {
		return i
	}
	if spokenHeads[lastWords(k.name, 1)] {
		k.weak = false
	}
	value := c.skip(end, 24, " \t\r\n\"',-\\") // also the next string of a list
	for value > end && strings.IndexByte("\"'\\", c.s[value-1]) >= 0 && strings.IndexByte(c.s[end:value], ' ') == 0 {
		value-- // the value's own quote
	}
	gap := c.s[end:value]
	if gap == "" || value == len(c.s) || strings.HasSuffix(gap, "-") || strings.Contains(gap, "\n") && !strings.Contains(gap, "- ") {
		return i
	}
	return c.value(i, value, surroundings{key: k, keyStart: name, separator: '-'})
}

// flags are the flags of commands that take a password, or a user with one, by the word that a line with the command has.
// A + joins a command and its subcommand. The form of the value: "v" the value itself, "g" glued to the flag, "u" user:password, "%" user%password, "," user,password,
// "s" scheme:password as of openssl, "=" key=value.
var flags = []struct{ commands, flag, form string }{
	{"curl", "u", "ug"},
	{"curl", "U", "ug"},
	{"curl", "user", "u"},
	{"curl", "proxy-user", "u"},
	{"http https xh httpie", "a", "u"},
	{"http https xh httpie", "auth", "u"},
	{"wget", "user-pass", "u"},
	{"sshpass", "p", "vg"},
	{"redis-cli valkey-cli", "a", "v"},
	{"mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlsh mariadb", "p", "g"},
	{"docker+login podman+login buildah+login skopeo+login nerdctl+login helm+login crane+login oras+login az+login oc+login cf+login", "p", "v"},
	{"ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldappasswd ldapcompare ldapmodrdn", "w", "vg"},
	{"smbclient rpcclient smbget smbmap net", "U", "%"},
	{"smbmap crackmapexec netexec evil-winrm xfreerdp rdesktop", "p", "v"},
	{"mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat", "p", "v"},
	{"cqlsh influx vsql twine rabbitmqadmin", "p", "v"},
	{"sqlcmd bcp isql ipmitool zip unzip", "P", "vg"},
	{"7z 7za rar unrar", "p", "g"},
	{"snmpwalk snmpget snmpset snmpbulkwalk", "A", "v"},
	{"snmpwalk snmpget snmpset snmpbulkwalk", "X", "v"},
	{"snmpwalk snmpget snmpset snmpbulkwalk", "c", "v"},
	{"lftp", "u", ","},
	{"openssl keytool", "passin", "s"},
	{"openssl keytool", "passout", "s"},
	{"openssl", "pass", "s"},
	{"openssl", "k", "v"},
	{"elasticsearch elastic psql jenkins-cli java ab siege", "auth", "u"},
	{"ab", "A", "u"},
	{"etcdctl", "user", "u"},
	{"codecov codecovcli", "t", "v"},
	{"ssh-keygen", "N", "v"},
	{"ssh-keygen", "P", "v"},
	{"mosquitto_pub mosquitto_sub mosquitto_rr", "P", "v"}, //nolint:misspell // the client of an MQTT broker
	{"gh+secret", "body", "v"},
	{"gh+secret", "b", "vg"},
	{"aws+put-parameter", "value", "v"},
	{"az+secret", "value", "v"},
	{"kubectl+secret oc+secret", "from-literal", "="},
}

// flagOfCommand reads the flag from name to end if it is one of those, and its command stands before it on the line.
func (c *scanner) flagOfCommand(i, name, end int) int {
	flag, line := c.s[name:end], ""
	for _, f := range flags {
		short := len(f.flag) == 1 && name == i+1
		glued := short && strings.Contains(f.form, "g") && len(flag) > 1 && flag[0] == f.flag[0]
		exact := flag == f.flag || short && f.form[0] == 'u' && flag[len(flag)-1] == f.flag[0] && len(flag) <= 4 // curl -su
		if !glued && !exact {
			continue
		}
		if line == "" {
			line = c.commandBefore(i, 400)
		}
		if !hasCommand(line, f.commands) {
			continue
		}
		value := c.skip(end, 4, " =\t")
		if f.form == "g" && exact && end < len(c.s) && strings.IndexByte("\"'", c.s[end]) >= 0 { // mysql -p'…'
			return c.flagValue(i, end, "v")
		}
		if exact && value == end && !glued || f.form == "g" && exact {
			continue
		}
		if glued && (!exact || f.form == "g") {
			value = name + 1
		}
		if next := c.flagValue(i, value, f.form); next > i {
			return next
		}
	}
	return i
}

// commandBefore returns up to limit bytes of the command before i, over lines that end with a backslash.
func (c *scanner) commandBefore(i, limit int) string {
	s := c.s[max(0, i-limit):i]
	for end := len(s); ; {
		n := strings.LastIndexByte(s[:end], '\n')
		if n < 0 {
			return s
		}
		if !strings.HasSuffix(strings.TrimRight(s[:n], " \r"), `\`) {
			return s[n+1:]
		}
		end = n
	}
}

// flagValue redacts the secret part of the value of a flag.
func (c *scanner) flagValue(i, value int, form string) int {
	if value >= len(c.s) {
		return i
	}
	ctx := surroundings{key: key{kind: Password, name: "password"}, keyStart: i, separator: '='}
	cutAt := map[byte]string{'u': ":", '%': "%", ',': ",", 's': ":", '=': "="}[form[0]]
	if cutAt == "" {
		return c.value(i, value, ctx)
	}
	start, stop, _ := c.extent(value)
	user, password, ok := strings.Cut(c.s[start:stop], cutAt)
	switch {
	case !ok, form[0] == 's' && user != "pass":
		return i
	case password == "" && !plainName(user) && !plainWord(user) && !harmless(user, ctx, c): // a key as the user
		return c.found(start, start+len(user), Token)
	case password == "" || user == "" && form[0] != 'u' || harmless(password, ctx, c):
		return i
	}
	if len(user) >= 16 && looksRandom(user) {
		c.found(start, start+len(user), Token)
	}
	return c.found(stop-len(password), stop, Password)
}

// hasCommand reports whether a line has one of the commands as a word.
func hasCommand(line, commands string) bool {
	for command := range strings.FieldsSeq(commands) {
		command, sub, _ := strings.Cut(command, "+")
		if !strings.Contains(line, sub) {
			continue
		}
		for at := 0; ; {
			n := strings.Index(line[at:], command)
			if n < 0 {
				break
			}
			start, end := at+n, at+n+len(command)
			if (start == 0 || !keyChars[line[start-1]]) && (end == len(line) || strings.IndexByte(" \t\"',", line[end]) >= 0) {
				return true
			}
			at = end
		}
	}
	return false
}

// positional is the rule for commands that take a secret as their nth word, and not behind a flag.
func positional(n int) func(c *scanner, i, value int) int {
	return func(c *scanner, i, value int) int {
		for at, word := value, 0; at < len(c.s); {
			at = c.skip(at, 8, " ")
			if at == len(c.s) || c.s[at] == '\n' {
				return i
			}
			start, end, next := c.extent(at)
			if end-start > maxHarmless {
				return i
			}
			if strings.HasPrefix(c.s[at:], "--") { // whose value is not known to be one
				return i
			}
			if c.s[at] != '-' {
				word++
			}
			if word == n {
				return c.value(i, at, surroundings{key: key{kind: Password, name: "password"}, keyStart: i, separator: ' '})
			}
			if next == at {
				return i
			}
			at = next
		}
		return i
	}
}
