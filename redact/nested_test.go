package redact

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// containers are texts that hold SECRET once, and what kind of secret their keys say it is. All else must stay byte for byte.
var containers = []struct{ in, kind string }{
	// Structures.
	{`{"db":{"user":"app","password":"SECRET","pool":5},"ok":true}`, Password},
	{"{\n  \"db\": {\n    \"password\":\n      \"SECRET\"\n  }\n}", Password},
	{`{"a":[{"b":{"c":[1,2,{"apiKey":"SECRET"}]}}]}`, APIKey},
	{`{"payload":"{\"user\":\"bob\",\"token\":\"SECRET\"}","n":1}`, Token},
	{`{"outer":"{\"inner\":\"{\\\"client_secret\\\":\\\"SECRET\\\",\\\"n\\\":1}\"}"}`, GenericSecret},
	{`{'password': 'SECRET', 'host': 'db'}`, Password},
	{"map[host:db password:SECRET user:app]", Password},
	{"{Host:db Password:SECRET User:app}", Password},
	{`Config{Host:"db", Password:"SECRET", Port:5432}`, Password},
	{"db:\n  host: db\n  password: SECRET\n  port: 5432\n", Password},
	{"db:\n  password: \"SECRET\" # rotate me\n  port: 5432\n", Password},
	{"users:\n- name: a\n  token: 'SECRET'\n- name: b\n", Token},
	{"env:\n- name: DB_PASSWORD\n  value: SECRET\n- name: PORT\n  value: \"80\"\n", Password},
	{`"env":[{"name":"API_TOKEN","value":"SECRET"},{"name":"PORT","value":"80"}]`, Token},
	{"<db><user>app</user><password>SECRET</password></db>", Password},
	{"[client]\nuser = root\npassword = SECRET\nport = 3306\n", Password},
	{`password = "SECRET" # TOML`, Password},
	{`resource "db" "x" { master_password = "SECRET" }`, Password},
	{"app.datasource.password=SECRET\napp.datasource.url=jdbc:x\n", Password},
	{"level=warn msg=\"login failed\" user=bob password=SECRET took=3ms", Password},
	{`ts=1 caller=x.go:3 token="SECRET" err="denied"`, Token},
	// Commands.
	{"mysqldump --user=root --password=SECRET shop | gzip", Password},
	{"vault login --token SECRET --no-print", Token},
	{"psql -h db --password SECRET -U app", Password},
	{`docker run -e DB_PASSWORD=SECRET -e PORT=80 app:1`, Password},
	{"PGPASSWORD=SECRET psql -h db -U app", Password},
	{"export API_KEY=SECRET; ./run", APIKey},
	{"curl -H 'X-Api-Key: SECRET' https://api.example.com/v1", APIKey},
	{`curl -H "Authorization: Bearer SECRET" https://api.example.com/v1`, Authorization},
	{"curl -u ops:SECRET https://api.example.com/v1", Password},
	{`command: ["app", "--api-key", "SECRET", "--verbose"]`, APIKey},
	{"args:\n  - --auth-token=SECRET\n  - --verbose\n", Token},
	{"helm upgrade x --set db.password=SECRET,db.host=pg", Password},
	// Connection strings.
	{"postgres://app:SECRET@db:5432/shop?sslmode=require", Password},
	{"mongodb://app:SECRET@a:27017,b:27017,c:27017/shop?replicaSet=rs0", Password},
	{"redis://:SECRET@cache:6379/0", Password},
	{"amqps://app:SECRET@mq.example.com/%2Fshop", Password},
	{"app:SECRET@tcp(db:3306)/shop?parseTime=true", Password},
	{"host=db port=5432 user=app password=SECRET dbname=shop", Password},
	{"Server=db;Database=shop;User Id=sa;Password=SECRET;Encrypt=true", Password},
	{"jdbc:mysql://db:3306/shop?user=app&password=SECRET&useSSL=true", Password},
	{"jdbc:postgresql://db/shop?password=SECRET", Password},
	{"sftp://ops:SECRET@files.example.com/in", Password},
	{"smtp://mailer:SECRET@mail.example.com:587", Password},
	{"kafka: sasl.jaas.config=x required username=\"app\" password=\"SECRET\";", Password},
	{"clickhouse://default:SECRET@ch:9000/shop", Password},
	// URLs and headers.
	{"GET /api?user=bob&access_token=SECRET&page=2 HTTP/1.1", Token},
	{"https://app.example.com/cb#access_token=SECRET&token_type=Bearer", Token},
	{"https://app.example.com/reset?api_key=SECRET", APIKey},
	{"> GET / HTTP/1.1\n> Host: x\n> X-Auth-Token: SECRET\n> Accept: */*\n", Token},
	{"> Authorization: Bearer SECRET\r\n> Accept: */*\r\n", Authorization},
	{"Proxy-Authorization: Bearer SECRET", Authorization},
	{`headers: {"Authorization": "token SECRET", "Accept": "*/*"}`, Authorization},
	{"Set-Cookie: session=SECRET; Path=/; Secure", Cookie},
	{"map[Authorization:[Bearer SECRET] Accept:[*/*]]", Authorization},
	// SQL and prose.
	{"ALTER USER app WITH PASSWORD 'SECRET';", Password},
	{"CREATE USER 'app'@'%' IDENTIFIED BY 'SECRET';", Password},
	{"The new password is SECRET, tell nobody.", Password},
	{"数据库口令：SECRET，请尽快修改", Password},
}

// values are secrets of many kinds: of letters and digits, with punctuation of passwords, long, and not of ASCII.
var values = []string{
	"hunter22", "Tr0ub4dor&3", "c0rrect-h0rse_battery.staple", "9f86d081884c7d659a2feaa0c55ad015", "S3cr3t!pass*word", "aB3+dE5~gH7", strings.Repeat("aB3x", 80),
}

func TestContainers(t *testing.T) {
	for _, c := range containers {
		require.Equal(t, 1, strings.Count(c.in, "SECRET"))
		for _, value := range values {
			if c.kind == Authorization && strings.ContainsAny(value, "&!*") { // no character of a token
				continue
			}
			if strings.ContainsAny(value, "&!*+~") && strings.ContainsAny(c.in, "?#>") { // where such a character needs to be encoded
				value = url.QueryEscape(value)
			}
			want := strings.Replace(c.in, "SECRET", "[REDACTED:"+c.kind+":1]", 1)
			got := redacted(t, strings.Replace(c.in, "SECRET", value, 1))
			if !assert.Equal(t, want, got, "%.40s", value) { //nolint:testifylint // byte for byte
				break
			}
		}
	}
}

// TestContainersInContainers: what is written into a JSON string, a YAML block, a URL or a log line is found there too.
func TestContainersInContainers(t *testing.T) {
	const secret = "Zq9Wv7xK2mP4nR8tB3c"
	for name, wrap := range map[string]func(string) string{
		"JSON":         func(s string) string { return marshalJSON(t, map[string]any{"msg": s, "n": 1}) },
		"JSON in JSON": func(s string) string { return marshalJSON(t, map[string]any{"m": marshalJSON(t, []any{s, 1})}) },
		"YAML": func(s string) string {
			return marshalYAML(t, map[string]any{"annotations": map[string]any{"log": s}, "z": 1})
		},
		"YAML block": func(s string) string {
			return "log: |\n  " + strings.ReplaceAll(s, "\n", "\n  ") + "\nz: 1\n"
		},
		"query":   func(s string) string { return "https://h/?q=" + url.QueryEscape("log: "+s) + "&n=1" },
		"Go":      func(s string) string { return fmt.Sprintf("err=%q n=1", s) },
		"color":   func(s string) string { return "\x1b[33m" + s + "\x1b[0m" },
		"Windows": func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range containers {
				in := wrap(strings.Replace(c.in, "SECRET", secret, 1))
				got := redacted(t, in)
				assert.NotContains(t, got, secret, "%s", in)
				assert.Equal(t, got, redacted(t, got), "redacted twice: %s", in)
			}
		})
	}
}

// TestJSONStaysJSON: whoever reads the redacted text as JSON still can, and finds all else as it was.
func TestJSONStaysJSON(t *testing.T) {
	in := marshalJSON(t, map[string]any{
		"password": "hunter22", "nested": map[string]any{"api_key": "ab12cd34", "list": []any{1, "two", nil}}, "tokens": 400, "token": "ab12",
		"log": `{"secret":"inner1"} done`, "text": "密码：hunter22，用户 bob", "url": "postgres://app:hunter22@db/x",
	})
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(redacted(t, in)), &got))
	assert.Equal(t, "[REDACTED:password:", got["password"].(string)[:19])
	assert.Equal(t, map[string]any{"api_key": got["nested"].(map[string]any)["api_key"], "list": []any{1.0, "two", nil}}, got["nested"])
	assert.Contains(t, got["nested"].(map[string]any)["api_key"], "[REDACTED:api_key:")
	assert.InDelta(t, 400, got["tokens"], 0)
	assert.Regexp(t, `^\{"secret":"\[REDACTED:secret:\d\]"\} done$`, got["log"])
	assert.Regexp(t, `^密码：\[REDACTED:password:\d\]，用户 bob$`, got["text"])
	assert.Regexp(t, `^postgres://app:\[REDACTED:password:\d\]@db/x$`, got["url"])
}

func TestPrivateKeys(t *testing.T) {
	body := strings.Repeat(base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef0123456789abcdef"))+"\n", 12)
	for _, label := range []string{"RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", ""} {
		key := "-----BEGIN " + label + "PRIVATE KEY-----\n" + body + "-----END " + label + "PRIVATE KEY-----"
		for name, tc := range map[string]struct{ in, want string }{
			"alone":          {key, "[REDACTED:private_key:1]"},
			"in a file":      {"# mine\n" + key + "\n# end\n", "# mine\n[REDACTED:private_key:1]\n# end\n"},
			"in JSON":        {`{"key":"` + strings.ReplaceAll(key, "\n", `\n`) + `","n":1}`, `{"key":"[REDACTED:private_key:1]","n":1}`},
			"in YAML":        {"tls:\n  key: |\n    " + strings.ReplaceAll(key, "\n", "\n    ") + "\n  port: 1\n", "tls:\n  key: |\n    [REDACTED:private_key:1]\n  port: 1\n"},
			"on one line":    {"got " + strings.ReplaceAll(key, "\n", " ") + " from it", "got [REDACTED:private_key:1] from it"},
			"DOS":            {strings.ReplaceAll(key, "\n", "\r\n") + "\r\nend", "[REDACTED:private_key:1]\r\nend"},
			"cut off":        {"got " + key[:200], "got [REDACTED:private_key:1]"},
			"with headers":   {strings.Replace(key, "-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0011\n\n", 1), "[REDACTED:private_key:1]"},
			"the same twice": {key + "\n" + key, "[REDACTED:private_key:1]\n[REDACTED:private_key:1]"},
		} {
			t.Run(label+name, func(t *testing.T) {
				assert.Equal(t, tc.want, redacted(t, tc.in)) //nolint:testifylint // byte for byte
			})
		}
	}
}

// TestChinese puts each word for a secret before each way to announce a value.
func TestChinese(t *testing.T) {
	for _, word := range []string{"密码", "密碼", "口令", "令牌", "密钥", "密鑰", "秘钥", "密匙", "私钥", "凭证", "凭据", "憑證", "验证码", "授权码", "暗号", "通行码", "密码短语"} {
		for _, link := range []string{"：", ":", " : ", "=", "＝", "为", "是", "为：", "已重置为", "（root）：", "被改成 ", "已设置为：", "】：", "临时是 "} {
			in := "注意，" + word + link + "hunter22，请修改"
			got := redacted(t, in)
			assert.Equal(t, "注意，"+word+link+"[REDACTED:"+foreignKind(word)+":1]，请修改", got, "%s", in) //nolint:testifylint // byte for byte
		}
		for _, prose := range []string{"错误次数：5", "已过期，请重新登录", "是否正确", "为空", "为 8 位以上", "长度=12", "不能为空", "验证失败 3 次"} {
			assert.Equal(t, word+prose, redacted(t, word+prose))
		}
	}
}

func marshalJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func marshalYAML(t *testing.T, v any) string {
	t.Helper()
	b, err := yaml.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func foreignKind(word string) string {
	for kind, words := range foreignWords {
		if slices.Contains(words, word) {
			return kind
		}
	}
	return ""
}
