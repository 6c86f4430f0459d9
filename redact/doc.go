// Package redact replaces secrets in text with stable placeholders before it reaches a language model or a log.
//
//	r, err := redact.New(nil)     // or the user's own regular expressions; once per process
//	s := r.Session()              // once per prompt
//	s.Text("password=hunter2 …")  // "password=[REDACTED:password:1] …"
//	s.Text("retry with hunter2, token: hunter2") // a value that is named as a secret again gets the same placeholder
//	s.Counts()                    // map[string]int{"password": 2}
//
// A placeholder tells what was there and whether it is the same secret as elsewhere, and nothing else: the number is
// the order of first sight, never a hash.
//
// What is found: credentials in URLs and source names (scheme, user and host stay readable), Authorization headers and bare Bearer
// and Basic values, cookies, values that a name calls secret, in some thirty languages (behind operators, in JSON within JSON, YAML,
// XML, dumps, calls, cells of tables, sentences: password=…, 密码：…, set("token", "…"), the password is …), passwords of command
// lines, lists of secrets under a plural, phrases that restore a wallet, lines of password files and hashes of passwords, the data of
// Kubernetes secrets, base64 that decodes to credentials, private keys, also cut off, keys by their shape, which
// gitleaks' rules and ours describe, JSON web tokens, and webhook URLs that are secrets themselves. A value that was found is known
// wherever it stands again. Characters that do not show (as package text defines them), colors and other terminal sequences, other
// forms of letters, and encoding for URLs, JSON and HTML do not hide them.
//
// What only sounds like one stays as it is, byte for byte: metric names (password_failures_total), label selectors, counts
// (tokens: 400), references ($DB_PASSWORD, secretName, !vault), algorithms, prose (invalid token: expired; 密码错误次数).
//
// Not found: secrets with neither a name next to them nor a recognizable format. A bare random string is left alone, since hashes and
// UUIDs are what evidence is made of. Where a rule must choose, it redacts.
//
// Finding is one pass of a scanner over each view of the text, linear in its size: nearly always over one, and over up to four where
// something is encoded or disguised. A text with secrets is read once more to make sure that nothing new came to light. The values
// themselves stay in memory for as long as their Session.
//
// [Secret] is the type for secrets in our own configuration: no way of printing it shows its value.
package redact
