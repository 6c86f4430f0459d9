package redact

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/assert"
)

// perKind is how many strings of each kind are made.
const perKind = 80

// secretKinds are texts that hold a secret, by kind: «S» is a password of letters and digits, P one with punctuation, L one of
// letters alone, H 32 digits of hexadecimal, K 40 characters of a key, U a UUID; B and C are base64 of user:S and of JSON with S, W is base64
// of S; A, T and D are ids of access keys.
// E[ is the escape character and a bracket.
var secretKinds = map[string][]string{
	"URL with a password": {
		"postgres://app:«S»@db.internal:5432/shop", "dial mysql://root:«P»@10.0.0.5/x failed", "mongodb+srv://svc:«S»@c0.abc.mongodb.net/?w=majority", "redis://:«S»@cache:6379/1",
		"amqps://guest:«L»@mq.int/vhost", "git clone https://bot:«K»@git.int/a/b.git", "ftp://anonymous:«S»@files.int/x", "clickhouse://default:«S»@ch:9000/logs?x=1", "nats://u:«S»@n1:4222,n2:4222",
	},
	"source name without a scheme": {
		"app:«S»@tcp(db:3306)/shop", "app:«S»@(db:3306)/shop", "app:«S»@/shop?charset=utf8", "app:«S»@unix(/run/mysqld.sock)/shop", "jdbc:oracle:thin:app/«S»@ora:1521:XE",
		"jdbc:oracle:thin:app/«S»@//ora.int:1521/XE", "sqlplus app/«S»@ORCL @load.sql", "dsn app:«S»@db.internal:3306/shop refused", "expdp system/«S»@XE full=y", "user app:«S»@udp(10.0.0.9:514)/x",
	},
	"key=value source name": {
		"host=db user=app password=«S» dbname=shop", "Server=db;Database=x;User Id=sa;Password=«P»;Encrypt=true", "jdbc:sqlserver://db:1433;user=sa;password=«S»;", "jdbc:mysql://db/x?user=a&password=«S»&ssl=1",
		"Driver={ODBC};UID=sa;PWD=«S»;", "Data Source=x;Initial Catalog=y;Uid=z;Pwd=«L»;", "host=db password='«S»' port=5432", "kafka.sasl.password=«S»", "username=\"u\" password=\"«S»\";",
	},
	"curl, wget, httpie": {
		"curl -u ops:«S» https://g.int", "curl -su ops:«S» https://g.int", "curl --user ops:«S» -k https://g.int", `curl -u "«S»:" https://g.int`, "curl -X POST -u 'ops:«P»' https://g.int", "wget --user=ops --password=«S» https://g.int",
		"wget --http-password=«S» https://g.int", "http -a ops:«S» https://g.int", "https --auth ops:«S» g.int", "curl --proxy-user ops:«S» https://g.int", "curl -uops:«S» https://g.int", "curl -sSfu ops:«S» https://g.int",
	},
	"flags": {
		"app --password «S» --port 80", "app --api-key=«H»", "app --token «S»", "docker login -u ci -p «S» registry.int", "ldapsearch -x -D cn=admin -w «S» -H ldap://l", "smbclient //fs/x -U ops%«S»", "mysql -uroot -p«S» shop",
		"sshpass -p «S» ssh h", "redis-cli -h c -a «S» ping", "mongosh db -u admin -p «S»", "cqlsh -u cassandra -p «S»", "sqlcmd -S db -U sa -P «S»", "openssl rsa -passin pass:«S» -in k", "zip -P «S» a.zip b", "7z a -p«S» a.7z b",
		"ipmitool -H h -U root -P «S» power status", "helm upgrade x --set db.password=«S»", "kubectl create secret generic x --from-literal=password=«S»", "oc login -u u -p «S»", "twine upload -u u -p «S» dist/*", "lftp -u ops,«S» ftp.int", "app --pass «L» --user x",
		"app --secret-key «K»", "bcp db in f -U sa -P «S»",
	},
	"environment": {
		"PGPASS=«L» psql", "MYSQL_ROOT_PASS=«L»", "DATADOG_KEY=«H» start", "DB_PASSWORD=«S»", "export API_TOKEN='«S»'", "SECRET_KEY_BASE=«K»", "REDIS_AUTH=«S»", "SMTP_PASS=«L»", "GH_PAT=«K»", "AWS_SECRET_ACCESS_KEY=«K»", "STRIPE_KEY=«H»", "Key=«K»", "NPM_TOKEN=«U»", "env: HOME=/root PGPASSWORD=«S» SHELL=/bin/sh",
		"declare -x DB_PASS=\"«S»\"", "set VAULT_TOKEN=«S»", "$env:DB_PASSWORD = \"«S»\"", "setx DB_PASSWORD «S»", "LDAPPASS=«L»",
	},
	"JSON, YAML, dumps": {
		`{"user":"bob","password":"«S»"}`, `{\"api_key\":\"«H»\"}`, "db:\n  password: «S»\n  port: 1", "map[host:db password:«S» user:x]", "{Host:db Password:«S»}", "Config(password='«S»', n=1)", `User{name="x", password="«S»"}`, `"password" => "«S»",`, `:password=>"«S»"`,
		`password: Some("«S»")`, `["password"]=> string(12) "«S»"`, "password: !!str «S»", "password: &pw «S»", `b'password': b'«S»'`, `{"name":"DB_PASSWORD","value":"«S»"}`, `<property name="password" value="«S»"/>`, `<entry key="password">«S»</entry>`, "<password>«S»</password>",
		`Password:(string) (len=12) "«S»"`, `<add key="Password" value="«S»" />`, "<key>password</key><string>«S»</string>", `{"auth":{"clientSecret":"«S»"}}`, "credentials:\n  - token: «S»\n", "password: >-\n  «S»\n", `password=Optional[«S»]`,
	},
	"base64 of credentials": {"blob «B» here", "got «C»", "auth «B»", `{"x":"«B»"}`, "Basic «B»", "config: «C»", "data «B»\n"},
	"private keys":          {"-----BEGIN RSA PRIVATE KEY-----\n«K»\n«K»\n-----END RSA PRIVATE KEY-----", "PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 2\n«K»\n«K»\nPrivate-MAC: «H»", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n«K»\n«K»\n-----END PGP PRIVATE KEY BLOCK-----", "«K»\n«K»\n-----END EC PRIVATE KEY-----", `-----BEGIN PRIVATE KEY-----\n«K»\n«K»\n-----END PRIVATE KEY-----`, "cut -----BEGIN OPENSSH PRIVATE KEY-----\n«K»\n«K»", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n«K»\n«K»\n---- END SSH2 ENCRYPTED PRIVATE KEY ----", "MIIEpAIBAAKCAQEA«K»«K»"},
	"Kubernetes": {
		"kind: Secret\ndata:\n  extra: «W»\n  other: «W»\n", "apiVersion: v1\ndata:\n  tls.crt2: «W»\nkind: Secret\nmetadata:\n  name: x\n", `{"kind":"Secret","data":{"extra":"«W»"}}`, "kind: Secret\nstringData:\n  conf: «S»\n", ".dockerconfigjson: «C»", "- name: DB_PASSWORD\n  value: «S»\n", `{"apiVersion":"v1","data":{"a":"«W»","b":"«W»"},"kind":"Secret"}`,
		`{\"kind\":\"Secret\",\"stringData\":{\"conf\":\"«S»\"}}`, "kind: Secret\nstringData:\n  conf: |\n    line «S»\n", ".dockercfg: «C»", "kind: \"Secret\"\ntype: Opaque\ndata: {a: «W»}",
	},
	"Chinese": {
		"密码：«S»", "暗号：«S»", "通行码：«S»", "密码短语：«S»", "密码 «L»，请尽快修改", "口令为 «S»", "令牌=«S»", "密钥: «S»", "登录密码是 «S»", "数据库密码已重置为 «S»", "初始密码 «S» 请修改", "验证码：«S»", "密码（root）：«P»", "私钥：«S»", "访问密钥：«S»", "凭证=«S»", "“密码”：“«S»”", "密碼：«S»", "密码->«S»", "密码\n«S»",
		"动态码：«S»", "用户名 root 密码 «S»", "密码|«S»", "密碼 «L»", "密码«S»", "密码【«S»】", "token为«S»", "用 «S» 作为登录密码", "密码改成了«S»", "账号 root/«S»",
	},
	"prose": {
		"the password is «S»", "password for bob is «S»", "set the password to «S»", "use «S» as the password", "login as bob with password «S»", "token «S» was rejected", "API key «H» is invalid", "the new passphrase is «P»", "password of root: «S»", "bob's password was changed to «S»", "secret «S» leaked in logs", "logged in as bob / «S» ok",
		"credentials bob / «S»", "the access key «H» expired", "authenticated with token «S»", `password "«S»" is wrong`, "password («S») rejected", "pw «S» works", "«S» is the root password", "their temporary password is «S».", "Use password «S» for user bob", "password has been reset to «S»", "passcode: «S»", "with secret key «K»",
	},
	"other languages": {
		"пароль: «S»", "Пароль — «S»", "contraseña: «S»", "la contraseña es «S»", "mot de passe : «S»", "le mot de passe est «S»", "パスワード：«S»", "パスワードは «S» です", "비밀번호: «S»", "비밀번호는 «S»", "senha: «S»", "a senha é «S»", "Passwort: «S»", "Das Kennwort lautet «S»", "Passwort ist «S»", "wachtwoord: «S»", "hasło: «S»", "passord: «S»", "lösenord: «S»", "heslo: «S»", "şifre: «S»",
		"mật khẩu: «S»", "kata sandi: «S»", "password: «S»", "la password è «S»", "токен: «S»", "секретный ключ: «S»", "トークン: «S»", "clé secrète : «S»", "clave: «S»", "κωδικός: «S»", "סיסמה: «S»", "รหัสผ่าน: «S»", "पासवर्ड: «S»", "adgangskode: «S»", "salasana: «S»", "jelszó: «S»", "Passwort des Benutzers bob: «S»", "mot de passe de bob : «S»", "contraseña de bob: «S»", "hasło to «S»", "нов пароль «S»",
	},
	"disguises": {
		"pass\u200bword=«S»", "ｐａｓｓｗｏｒｄ＝«S»", "pаssword: «S»", "p4ssw0rd: «S»", "p a s s w o r d : «S»", "p.a.s.s.w.o.r.d=«S»", "pass word: «S»", "pass-word: «S»", "P@SSWORD=«S»", "pa$$word: «S»", "**password:** «S»", "`password`: `«S»`", "<b>password</b>: «S»", "password%3D«S»", "pass&#119;ord=«S»", "__password__: «S»", "PaSsWoRd: «S»", "password\u00a0:\u00a0S", "pwd~«S»",
		"passwrd: «S»", "PASS\u00adWORD=«S»",
	},
	"operators": {
		"password?=«S»", "password===«S»", "password+=«S»", "password :: «S»", "password -> «S»", `if api_key != "«S»" {`, `var dbPassword string = "«S»"`, "password ::= «S»", "password => «S»", "password := «S»", "password .= \"«S»\"", "password ||= \"«S»\"", "password ~ «S»", "password → «S»", "password | «S»", "let password: &str = \"«S»\";", "String apiToken = \"«S»\";",
		"const char password[] = \"«S»\";", "password: str = \"«S»\"", "Dim password As String = \"«S»\"", "password == \"«S»\"", "password <- \"«S»\"", "password:::=\"«S»\"", "password ⇒ «S»", "password, «S»", "password ; «S»", "password - «S»", "token / «S»", "password\t\t«S»", "password := []byte(\"«S»\")", "password<=«S»", "password>>«S»", "password[«S»]",
	},
	"calls": {
		`props.set("db.password", "«S»")`, `('password', '«S»')`, `setPassword("«S»") called`, `.withToken("«S»")`, `System.setProperty("app.password", "«S»")`, `define('DB_PASSWORD', '«S»');`, `config.put("apiKey", "«H»")`, `os.environ.setdefault("DB_PASSWORD", "«S»")`, `login("bob", password="«S»")`, `addHeader("X-Api-Key", "«H»")`, `["token", "«S»"]`, `set_secret('«S»')`,
		`setPassword('«L»')`, `.password("«S»")`, `putString("refresh_token","«K»")`,
	},
	"tables":  {"| password | «S» |", "| user | password |\n|------|----------|\n| bob | «S» |", " user | password \n------+----------\n bob  | «S»", "+------+\n| token |\n+------+", "│ password │ «S» │", "password | «S»", "<tr><td>password</td><td>«S»</td></tr>", "| **Password** | `«S»` |", "| x | y |\n| db_password | «S» |", "password   «S»"},
	"newline": {"password:\n«S»", "Password\n«S»", "api_key=\n«H»", "the password:\n\n«S»\n", "token:\r\n«S»"},
	"colors":  {"Emsg E[36mpassword E[0m=«S»", "time=1 E[36mpasswordE[0m=«S» E[36muserE[0m=bob", "E[1mtoken:E[0m «S»", "password=E[0mS", `\u001b[36mapi_key\u001b[0m=«H»`, "E[38;5;208mpasswordE[m: E[1m«S»E[0m", "password\u009b0m=«S»"},
	"JWT":     {"jwt «J» expired", "Authorization: Bearer «J»", `{"t":"«J»"}`, "got «J»", "cookie x «J»"},
	"cookies": {"Cookie: sid=«S»; theme=dark", "Set-Cookie: session=«S»; Path=/", `"Cookie": "a=«S»"`, "session_cookie=«K»", "-H 'Cookie: JSESSIONID=«H»'"},
	"Authorization": {
		"Authorization: Bearer «S»", "Authorization: Basic «B»", "Authorization: Api-Token «K»", "Authorization: Token «K»", "authorization: SSWS «K»", "Proxy-Authorization: Basic «B»", "Authorization: «S»", "Authorization: Digest username=\"x\", response=\"«H»\"", "X-Api-Key: «S»", "X-Auth-Token: «S»", "Authorization: ApiKey «K»", "Authorization: GenieKey «U»", "Authorization: Klaviyo-API-Key «K»",
		"Authorization: AWS4-HMAC-SHA256 Credential=x, Signature=«H»", "authorization=Bearer «S»", "Authorization: Bearer: «S»", "PRIVATE-TOKEN: «S»", "Authorization: sso-key «H»:«S»",
	},
	"webhooks": {
		"https://hooks.slack.com/services/T0AAAAAAA/B0AAAAAAA/«S»", "https://discord.com/api/v10/webhooks/123456789012345678/«K»", "https://ptb.discord.com/api/webhooks/123456789012345678/«K»", "https://outlook.office.com/webhook/«U»@«U»/IncomingWebhook/«H»/«U»", "https://x.webhook.office.com/webhookb2/«U»@«U»/IncomingWebhook/«H»/«U»",
		"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=«U»", "https://qyapi.weixin.qq.com/cgi-bin/webhook/upload_media?type=file&key=«U»", "https://oapi.dingtalk.com/robot/send?access_token=«H»", "https://open.feishu.cn/open-apis/bot/v2/hook/«U»", "https://open.larkoffice.com/open-apis/bot/v2/hook/«U»", "https://mattermost.int/hooks/m«H»",
		"https://chat.int/hooks/«H»/«K»", "https://api.telegram.org/bot1234567890:AA«K»/sendMessage", "SEC«H»«H»", "https://chat.googleapis.com/v1/spaces/AAA/messages?key=«K»&token=«K»", "https://hooks.zapier.com/hooks/catch/123/«S»", "bot token 1234567890:AA«H»", "https://maker.ifttt.com/trigger/x/with/key/«S»", "https://ha.int/api/webhook/«H»",
	},
	"signed URLs": {"https://x.blob.core.windows.net/c?sv=2022&sig=«K»", "X-Amz-Signature=«H»«H»", "AccountKey=«K»==;EndpointSuffix=core", "SharedAccessKey=«K»", "https://s3/x?AWSAccessKeyId=a&Signature=«K»"},
	"access key with its secret": {
		"ak=«A» sk=«K»", "«A» «K»", "«A»:«K»", "«A»,«K»", "aws_access_key_id=«A»\naws_secret_access_key=«K»", "«T» / «K»", "AccessKeyId: «A», SecretAccessKey: «K»", "«D» «K»", "«A» secret «K»",
	},
	"same value again": {"login with password=«S» failed; retry: bob / «S» @ db", "token=«K» … used «K» twice", "postgres://u:«S»@h/x then «S» again", "first «S», then password: «S»", "密码：«S»，重试 «S»", "Authorization: Bearer «K»\nlog «K»"},
}

// fill puts secrets into a text, and returns them.
func fill(r *rand.Rand, text string) (filled string, secrets []string) {
	password := sample(r, []run{{base62, 11 + r.IntN(4)}})
	letters := mixedLetters(r, 10+r.IntN(6))
	other := sample(r, []run{{base62, 5}}) + string("!@#$^*+"[r.IntN(7)]) + sample(r, []run{{base62, 5}})
	key := sample(r, []run{{base62, 40}})
	hexa, id := randomHex(r, 16), uuid(r)
	userinfo := base64.StdEncoding.EncodeToString([]byte("svc:" + password))
	object, _ := json.Marshal(map[string]any{"auths": map[string]any{"r.int": map[string]string{"auth": userinfo}}})
	blob := base64.StdEncoding.EncodeToString(object)
	jwt := "eyJ" + sample(r, []run{{base64URL, 33}, fixed(".eyJ"), {base64URL, 80}, fixed("."), {base64URL, 43}})
	for mark, value := range map[string]string{
		"W": base64.StdEncoding.EncodeToString([]byte(password + "\n")), "S": password, "P": other, "L": letters, "H": hexa, "K": key, "U": id,
		"B": userinfo, "C": blob, "J": jwt,
	} {
		if strings.Contains(text, "«"+mark+"»") {
			text = strings.ReplaceAll(text, "«"+mark+"»", value)
			secrets = append(secrets, value)
		}
	}
	// Ids, which are put together here so that no scanner of repositories takes them for real.
	ids := strings.NewReplacer("«A»", "AK"+"IAVN7QX2LMT0ABCDEF", "«T»", "LT"+"AI5tAbCdEfGhIjKlMn1234", "«D»", "AK"+"IDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE")
	return strings.ReplaceAll(ids.Replace(text), "E[", "\x1b["), secrets
}

func mixedLetters(r *rand.Rand, n int) string {
	var b strings.Builder
	for i := range n {
		c := byte('a' + r.IntN(26))
		if i%2 == 0 {
			c -= 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// TestRecall makes texts of each kind of secret and prints how many are found: go test ./redact -run TestRecall -v.
func TestRecall(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 4, 2, ' ', 0)
	found, all, missed := 0, 0, map[string]int{}
	for _, kind := range slices.Sorted(mapKeys(secretKinds)) {
		texts, hits := secretKinds[kind], 0
		for n := range perKind {
			template := texts[n%len(texts)]
			in, secrets := fill(r, template)
			in = []string{"", "log: ", "2026-11-20 08:30:05 WARN ", "see below\n"}[r.IntN(4)] + in + []string{"", "", "\nnext line", "\n\ndone"}[r.IntN(4)]
			got := redacted(t, in)
			leaks := slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(got, s) })
			if leaks {
				missed[kind+": "+fmt.Sprintf("%q", template)]++
			} else {
				hits++
			}
		}
		fmt.Fprintf(w, "%s\t%d/%d\n", kind, hits, perKind)
		found, all = found+hits, all+perKind
		assert.GreaterOrEqual(t, 100*hits, 95*perKind, kind)
	}
	fmt.Fprintf(w, "all\t%d/%d\n", found, all)
	w.Flush()
	t.Log("\n" + table.String())
	for _, m := range slices.Sorted(mapKeys(missed)) {
		t.Log("missed", missed[m], m)
	}
	assert.GreaterOrEqual(t, all, 1500)
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
