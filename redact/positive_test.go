package redact

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Secrets that scanners of repositories would take for real are put together here, so that none stands in this file.
const (
	alnum36  = "16C7e42F292c6912E7710c838347Ae178B4a"
	hex32    = "9f86d081884c7d659a2feaa0c55ad015"
	githubT  = "gh" + "p_" + alnum36
	slackT   = "xo" + "xb-2345678901-2345678901234-AbCdEfGhIjKlMnOpQrStUvWx"
	openaiK  = "s" + "k-proj-AbC123dEf456GhI789jKl012MnO345pQr"
	deepseek = "s" + "k-" + hex32
	awsID    = "AK" + "IAIOSFODNN7EXAMPLE"
	awsKey   = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	jwt      = "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
	pem      = "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA75HhGLDRmnVvBAxSIN94EC3ocXJd8SuDbUkrcXvBdbVmuTQv\n9bVmuTQvMIIEpAIBAAKC\n-----END RSA PRIVATE KEY-----"
	slackURL = "T00000000/B00000000/" + "XXXXaaaa1111bbbb2222cccc"
)

// positives: the secret, wherever it stands in the text, becomes a placeholder of the kind; all else stays.
var positives = []struct{ in, secret, kind string }{
	// URLs.
	{"postgres://app:s3cr3t@db:5432/login?sslmode=disable", "s3cr3t", Password},
	{"postgresql://app:secret@db/login", "secret", Password},
	{"redis://:hunter2@cache:6379/0", "hunter2", Password},
	{"rediss://default:p-w_1@cache.example.com:6380", "p-w_1", Password},
	{"amqp://guest:guest1@rabbit:5672/vhost", "guest1", Password},
	{"mongodb+srv://admin:Pa55@cluster0.mongodb.net/db?w=majority", "Pa55", Password},
	{"mongodb://u:pw1@h1:27017,h2:27017/db", "pw1", Password},
	{"mysql://root:p%40ss%2Fw0rd@127.0.0.1/x", "p%40ss%2Fw0rd", Password},
	{"dial postgres://u:p/w#x?1@host/db: refused", "p/w#x?1", Password},
	{"postgres://u:a@b@host/db", "a@b", Password},
	{"http://prom:pass1@prometheus:9090/graph", "pass1", Password},
	{"see (https://ops:x1y2@grafana.example.com/d/1).", "x1y2", Password},
	{"https://" + githubT + "@github.com/acme/repo.git", githubT, Token},
	{"https://x-access-token:" + githubT + "@github.com/acme/repo.git", githubT, Password},
	{"https://" + alnum36 + ":x-oauth-basic@github.com/a/b", alnum36, Token},
	{"https://" + alnum36 + ":@github.com/a/b", alnum36, Token},
	{"https://" + hex32 + "@o1.ingest.sentry.io/2", hex32, Token},
	{"https://mytoken@host/path", "mytoken", Token},
	{"ftp://anonymous:me1@ftp.example.com", "me1", Password},
	{"app:Sup3r@tcp(10.0.0.5:3306)/login?parseTime=true", "Sup3r", Password},
	{"dsn=app:Sup3r@tcp(10.0.0.5:3306)/login", "Sup3r", Password},
	{`{"url":"amqps://u:zz9@mq/%2f"}`, "zz9", Password},
	{"连接 postgres://应用:密a1@库/x 失败", "密a1", Password},
	{"g0.expr=x&u=postgres%3A%2F%2Fapp%3Ahunter22%40db%2Fx", "hunter22", Password},
	// Headers.
	{"Authorization: Bearer abcdefgh", "abcdefgh", Authorization},
	{"authorization: bearer " + deepseek, deepseek, Authorization},
	{"Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA==", Authorization},
	{`-H "Authorization: Token 0123456789abcdef"`, "0123456789abcdef", Authorization},
	{`{"Authorization":"Bearer abc.def-123"}`, "abc.def-123", Authorization},
	{`{"Authorization":["Bearer abc.def-123"]}`, "abc.def-123", Authorization},
	{`{\"Authorization\":\"Bearer abc.def-123\"}`, "abc.def-123", Authorization},
	{"Proxy-Authorization: Basic YWRtaW46aHVudGVyMg==", "YWRtaW46aHVudGVyMg==", Authorization},
	{
		"Authorization: AWS4-HMAC-SHA256 Credential=" + awsID + "/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=fe5f80f77d5fa3be\nHost: x",
		"Credential=" + awsID + "/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=fe5f80f77d5fa3be", Authorization,
	},
	{
		`Authorization: Digest username="bob", realm="x", response="6629fae49393a05397450978507c4ef1"`,
		`username="bob", realm="x", response="6629fae49393a05397450978507c4ef1"`, Authorization,
	},
	{"Authorization: GenieKey " + hex32, hex32, Authorization},
	{"sent Bearer " + openaiK + " to the model", openaiK, Authorization},
	{"got 401 for Basic dXNlcjpwYXNzd29yZA== from proxy", "dXNlcjpwYXNzd29yZA==", Authorization},
	{"X-Api-Key: 12ab", "12ab", APIKey},
	{"x-auth-token: q1w2e3", "q1w2e3", Token},
	{"PRIVATE-TOKEN: q1w2e3r4", "q1w2e3r4", Token},
	{"X-Vault-Token: q1w2e3r4", "q1w2e3r4", Token},
	{"Ocp-Apim-Subscription-Key: " + hex32, hex32, APIKey},
	{"Cookie: sid=abc123; theme=dark", "sid=abc123; theme=dark", Cookie},
	{"Set-Cookie: JSESSIONID=0A1B2C; Path=/; HttpOnly", "0A1B2C", Cookie},
	{`{"headers":{"Cookie":"session=abc123"}}`, "session=abc123", Cookie},
	// key=value, key: value and flags.
	{"password=hunter2", "hunter2", Password},
	{"password = hunter2", "hunter2", Password},
	{"password: hunter2", "hunter2", Password},
	{"password:hunter2", "hunter2", Password},
	{"PASSWORD=hunter2 make run", "hunter2", Password},
	{"export DB_PASSWORD='hun ter2'", "hun ter2", Password},
	{"spring.datasource.password=hunter2", "hunter2", Password},
	{"dbPassword: hunter2,", "hunter2", Password},
	{"PGPASSWORD=hunter2 psql", "hunter2", Password},
	{"mysql_pwd=hunter2;", "hunter2", Password},
	{"passwd: hunter2.", "hunter2", Password},
	{"Server=x;User Id=sa;Password=Yukon900!;Database=y", "Yukon900!", Password},
	{"host=db user=app password=p&ss,w;rd sslmode=disable", "p&ss,w;rd", Password},
	{"https://x/login?user=a&password=b1&next=/", "b1", Password},
	{"https://x/cb#access_token=ab12&state=1", "ab12", Token},
	{"https://maps.example.com/api?key=Ab1Cd2Ef3Gh4Ij5K&q=x", "Ab1Cd2Ef3Gh4Ij5K", APIKey},
	{"--password hunter2 --user bob", "hunter2", Password},
	{"--password=hunter2 --user bob", "hunter2", Password},
	{"-db.password hunter2", "hunter2", Password},
	{`--token "abc def"`, "abc def", Token},
	{`["--password", "hunter2"]`, "hunter2", Password},
	{"args:\n- --password\n- hunter2\n- --user", "hunter2", Password},
	{"mysql -uroot -phunter2 login", "hunter2", Password},
	{"sshpass -p hunter2 ssh host", "hunter2", Password},
	{"redis-cli -a hunter2 ping", "hunter2", Password},
	{"curl -u admin:hunter2 http://x", "hunter2", Password},
	{"curl --user admin:hunter2 http://x", "hunter2", Password},
	{"client_secret=abc", "abc", GenericSecret},
	{"clientSecret: abc1", "abc1", GenericSecret},
	{"SECRET_KEY_BASE=0a1b2c", "0a1b2c", GenericSecret},
	{"api_key=xyz1", "xyz1", APIKey},
	{"apikey: xyz1", "xyz1", APIKey},
	{"APIKey=xyz1", "xyz1", APIKey},
	{"access_key: xyz1", "xyz1", APIKey},
	{"aws_secret_access_key = " + awsKey, awsKey, APIKey},
	{"refreshToken=xyz1", "xyz1", Token},
	{"credential: xyz1", "xyz1", GenericSecret},
	{"session_id=550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000", Token},
	{"REDISCLI_AUTH=Abcdef123456", "Abcdef123456", Password},
	{"auth: Abcdef123456", "Abcdef123456", Password},
	{"pass=Abcdef123456", "Abcdef123456", Password},
	{"PASS=hunter2", "hunter2", Password},
	{"SMTP_PASS=abc", "abc", Password},
	{`"passwords": ["hunter2"]`, "hunter2", Password},
	{"X-Amz-Signature=fe5f80f77d5fa3beca038a248ff027d0", "fe5f80f77d5fa3beca038a248ff027d0", Token},
	{"credentials=bob:hunter2", "bob:hunter2", GenericSecret},
	{"password := \"hunter2\"", "hunter2", Password},
	{"'password' => 'hunter2',", "hunter2", Password},
	{"config['password'] = 'hunter2'", "hunter2", Password},
	{`if password == "hunter2" {`, "hunter2", Password},
	{"<password>hunter2</password>", "hunter2", Password},
	{"Password (root): hunter2", "hunter2", Password},
	{"password=hunter2\\nhost=db", "hunter2", Password},
	{`user: bob\npassword: hunter2\nhost: db`, "hunter2", Password},
	{`user: bob\napi_key: hunter2\r\nhost: db`, "hunter2", APIKey},
	{"the password is hunter2!", "hunter2!", Password},
	{"CREATE USER bob WITH PASSWORD 'hunter2'", "hunter2", Password},
	{"GRANT ALL TO bob IDENTIFIED BY 'hunter2'", "hunter2", Password},
	{"machine x login bob password hunter2", "hunter2", Password},
	{"requirepass foobared", "foobared", Password},
	{`login_failed{password="hunter2"}`, "hunter2", Password},
	{"password={abc}", "{abc}", Password},
	{"password=$ecret1", "$ecret1", Password},
	{"password=invalid1", "invalid1", Password},
	{"password=secret", "secret", Password},
	// JSON, JSON in JSON, YAML.
	{`{"password":"hunter2","user":"bob"}`, "hunter2", Password},
	{`{"password": "hun\"ter\\2"}`, `hun\"ter\\2`, Password},
	{"{\n  \"password\":\n    \"hunter2\"\n}", "hunter2", Password},
	{`{"body":"{\"password\":\"hunter2\",\"user\":\"bob\"}"}`, "hunter2", Password},
	{`{"body":"{\"password\":\"hun\\\"ter2\"}"}`, `hun\\\"ter2`, Password},
	{`{"a":"{\"b\":\"{\\\"password\\\":\\\"hunter2\\\"}\"}"}`, "hunter2", Password},
	{`{"api_keys":["Ab1Cd2Ef3Gh4Ij5K"]}`, "Ab1Cd2Ef3Gh4Ij5K", APIKey},
	{`{"password":123456}`, "123456", Password},
	{`{'token': 'abc'}`, "abc", Token},
	{`{password:hunter2}`, "hunter2", Password},
	{`{"name":"DB_PASSWORD","value":"hunter2"}`, "hunter2", Password},
	{"- name: DB_PASSWORD\n  value: hunter2\n", "hunter2", Password},
	{"password: |\n  hunter2\n  line2\nuser: bob\n", "hunter2\n  line2", Password},
	{"a:\n  secret: >-\n    hunter2\n  user: bob\n", "hunter2", GenericSecret},
	{"password: \"hunter2\n  line2\"\nuser: bob\n", "hunter2\n  line2", Password},
	{`{\u0022password\u0022:\u0022hunter2\u0022}`, "hunter2", Password},
	{`{&quot;password&quot;:&quot;hunter2&quot;}`, "hunter2", Password},
	{"q=%7B%22password%22%3A%22hunter2%22%7D", "hunter2", Password},
	{`"password": "hunter2`, "hunter2", Password},
	// Private keys.
	{pem, pem, PrivateKey},
	{"key:\n" + pem + "\nend", pem, PrivateKey},
	{`{"key":"` + strings.ReplaceAll(pem, "\n", `\n`) + `"}`, strings.ReplaceAll(pem, "\n", `\n`), PrivateKey},
	{"cut " + pem[:80] + "\nnext line of text", pem[:80], PrivateKey},
	{"cut " + pem[:80], pem[:80], PrivateKey},
	{strings.ReplaceAll(pem[:100], "\n", " ") + " and prose", strings.ReplaceAll(pem[:100], "\n", " "), PrivateKey},
	// Shapes.
	{"using " + awsID + " in eu-west-1", awsID, APIKey},
	{"key AI" + "zaSyA1234567890abcdefghijklmnopqrstuv", "AI" + "zaSyA1234567890abcdefghijklmnopqrstuv", APIKey},
	{"push failed: " + githubT, githubT, Token},
	{"github" + "_pat_11ABCDEFG0abcdefghijkl_mnop", "github" + "_pat_11ABCDEFG0abcdefghijkl_mnop", Token},
	{"gl" + "pat-abcDEF123456ghiJKL78", "gl" + "pat-abcDEF123456ghiJKL78", Token},
	{"bot " + slackT, slackT, Token},
	{"s" + "k_live_4eC39HqLyjWDarjtT1zdp7dc", "s" + "k_live_4eC39HqLyjWDarjtT1zdp7dc", APIKey},
	{"np" + "m_" + alnum36, "np" + "m_" + alnum36, Token},
	{"py" + "pi-AgEIcHlwaS5vcmcCJDEyMzQ1Njc4", "py" + "pi-AgEIcHlwaS5vcmcCJDEyMzQ1Njc4", Token},
	{"model call with " + openaiK + " failed", openaiK, APIKey},
	{"model call with " + deepseek + ".", deepseek, APIKey},
	{"s" + "k-ant-api03-AbCdEf1234567890-xyz_AA", "s" + "k-ant-api03-AbCdEf1234567890-xyz_AA", APIKey},
	{"h" + "f_AbCdEfGhIjKlMnOpQrStUvWxYz", "h" + "f_AbCdEfGhIjKlMnOpQrStUvWxYz", Token},
	{"LT" + "AI5tAbCdEfGhIjKlMnOpQr", "LT" + "AI5tAbCdEfGhIjKlMnOpQr", APIKey},
	{"jwt " + jwt + " expired", jwt, JWT},
	{"admin:$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", Password},
	{"DefaultEndpointsProtocol=https;AccountName=x;AccountKey=Eby8vdM02xNOcqF==;EndpointSuffix=core", "Eby8vdM02xNOcqF==", APIKey},
	{"Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=Eby8vdM02=", "Eby8vdM02=", APIKey},
	{"https://x.blob.core.windows.net/c?sv=2022&sig=aB3dE5%2FgH7jK9%3D&se=1", "aB3dE5%2FgH7jK9%3D", Token},
	{`\n` + githubT + `\n`, githubT, Token},
	// Webhooks.
	{"https://hooks.slack.com/services/" + slackURL, slackURL, Webhook},
	{"https://open.feishu.cn/open-apis/bot/v2/hook/550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000", Webhook},
	{"https://oapi.dingtalk.com/robot/send?access_token=" + hex32, hex32, Webhook},
	{"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa", "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa", Webhook},
	{"https://api.telegram.org/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage", "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", Webhook},
	{"https://discord.com/api/webhooks/1234/AbCdEf", "1234/AbCdEf", Webhook},
	// Chinese.
	{"密码：hunter2", "hunter2", Password},
	{"密码:hunter2，请修改", "hunter2", Password},
	{"密码=hunter2", "hunter2", Password},
	{"密码为hunter2。", "hunter2", Password},
	{"密码是 hunter2", "hunter2", Password},
	{"数据库密码已重置为 Abc123!", "Abc123!", Password},
	{"密码（root）：hunter2", "hunter2", Password},
	{"口令：“hunter2”", "hunter2", Password},
	{"令牌：ab12cd34", "ab12cd34", Token},
	{"密钥: ab12cd34", "ab12cd34", GenericSecret},
	{"凭证＝ab12cd34", "ab12cd34", GenericSecret},
	{`{"密码":"hunter2"}`, "hunter2", Password},
	{"初始密码 Abc12345 请修改", "Abc12345", Password},
	// Tricks.
	{"ｐａｓｓｗｏｒｄ＝ｈｕｎｔｅｒ２", "ｈｕｎｔｅｒ２", Password},
	{"password：hunter2", "hunter2", Password},
	{"pass\u200bword=hunt\u200ber2 x", "hunt\u200ber2", Password},
	{"g\u2060h" + githubT[2:], "g\u2060h" + githubT[2:], Token},
	{"password\u00a0=\u00a0hunter2", "hunter2", Password},
	{"“password”：“hunter2”", "hunter2", Password},
}

func TestTextFinds(t *testing.T) {
	for _, tc := range positives {
		t.Run(tc.in, func(t *testing.T) {
			want := strings.ReplaceAll(tc.in, tc.secret, "[REDACTED:"+tc.kind+":1]")
			got := redacted(t, tc.in)
			assert.Equal(t, want, got)
			assert.Equal(t, got, redacted(t, got), "redacted twice")
		})
	}
	assert.GreaterOrEqual(t, len(positives), 120)
}
