package channel

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/redact"
)

// Settings are those of one destination. Each service uses some of them; New names those that it lacks or does not know. A
// secret may stand in a file: then the key that ends in _file names it.
type Settings struct {
	URL            redact.Secret            `yaml:"url"` // for most services the secret itself
	URLFile        string                   `yaml:"url_file"`
	Token          redact.Secret            `yaml:"token"` // of a bot
	TokenFile      string                   `yaml:"token_file"`
	Secret         redact.Secret            `yaml:"secret"` // that signs
	SecretFile     string                   `yaml:"secret_file"`
	RoutingKey     redact.Secret            `yaml:"routing_key"` // of PagerDuty
	RoutingKeyFile string                   `yaml:"routing_key_file"`
	APIURL         string                   `yaml:"api_url"` // where the service is not at its usual address
	Channel        string                   `yaml:"channel"` // of a Slack bot
	Chat           string                   `yaml:"chat"`    // of Telegram: its number, or @name
	Topic          int                      `yaml:"topic"`   // of a Telegram forum
	Room           string                   `yaml:"room"`    // of Matrix: !id:server
	Template       string                   `yaml:"template"`
	TemplateFile   string                   `yaml:"template_file"`
	Headers        map[string]redact.Secret `yaml:"headers"`

	To               []string      `yaml:"to"` // of mail, as the keys that follow; they are Alertmanager's
	From             string        `yaml:"from"`
	Smarthost        string        `yaml:"smarthost"` // HOST:PORT
	Hello            string        `yaml:"hello"`
	AuthUsername     string        `yaml:"auth_username"`
	AuthPassword     redact.Secret `yaml:"auth_password"`
	AuthPasswordFile string        `yaml:"auth_password_file"`
	RequireTLS       *bool         `yaml:"require_tls"` // default true
}

// Options are what all channels share.
type Options struct {
	Transport http.RoundTripper // default net/http's own
	Now       func() time.Time  // default time.Now
}

func (o Options) now() func() time.Time {
	if o.Now != nil {
		return o.Now
	}
	return time.Now
}

// service is how one service is set up.
type service struct {
	needs [][]string // sets of keys, one of which has to be given
	may   []string   // keys that may be given beside
	hosts []string   // by which its own webhook URLs are known, for URLService
	make  func(s *Settings, c *core) (Channel, error)
}

// services are all that New can make, by the key in the configuration.
var services = map[string]service{
	"slack":      {needs: [][]string{{"url"}, {"token", "channel"}}, may: []string{"api_url"}, hosts: []string{"hooks.slack.com", "hooks.slack-gov.com"}, make: newSlack},
	"teams":      {needs: [][]string{{"url"}}, hosts: []string{".logic.azure.com", ".powerplatform.com", ".webhook.office.com"}, make: newTeams},
	"telegram":   {needs: [][]string{{"token", "chat"}}, may: []string{"topic", "api_url"}, hosts: []string{"api.telegram.org"}, make: newTelegram},
	"dingtalk":   {needs: [][]string{{"url"}}, may: []string{"secret"}, hosts: []string{"oapi.dingtalk.com"}, make: newDingTalk},
	"feishu":     {needs: [][]string{{"url"}}, may: []string{"secret"}, hosts: []string{"open.feishu.cn", "open.larksuite.com"}, make: newFeishu},
	"wecom":      {needs: [][]string{{"url"}}, hosts: []string{"qyapi.weixin.qq.com"}, make: newWeCom},
	"email":      {needs: [][]string{{"to", "from", "smarthost"}}, may: []string{"hello", "auth_username", "auth_password", "require_tls"}, make: newEmail},
	"discord":    {needs: [][]string{{"url"}}, hosts: []string{"discord.com", "discordapp.com", ".discord.com"}, make: newDiscord},
	"pagerduty":  {needs: [][]string{{"routing_key"}}, may: []string{"api_url"}, hosts: []string{"events.pagerduty.com", "events.eu.pagerduty.com"}, make: newPagerDuty},
	"mattermost": {needs: [][]string{{"url"}}, make: newMattermost},
	"googlechat": {needs: [][]string{{"url"}}, hosts: []string{"chat.googleapis.com"}, make: newGoogleChat},
	"ntfy":       {needs: [][]string{{"url"}}, may: []string{"token"}, hosts: []string{"ntfy.sh"}, make: newNtfy},
	"matrix":     {needs: [][]string{{"url", "token", "room"}}, make: newMatrix},
	"webhook":    {needs: [][]string{{"url"}}, may: []string{"secret", "template", "headers"}, make: newWebhook},
}

// Services lists the keys that New knows.
func Services() []string { return slices.Sorted(maps.Keys(services)) }

// mattermostHook is the path of an incoming webhook there, whose host is its owner's.
var mattermostHook = regexp.MustCompile(`/hooks/[a-z0-9]{26}$`)

// URLService returns the service that a webhook URL belongs to, by its host, or by its path where hosts differ; webhook for one
// that no service has.
func URLService(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "webhook"
	}
	host := strings.ToLower(u.Hostname())
	for name, s := range services {
		for _, h := range s.hosts {
			if host == h || h[0] == '.' && strings.HasSuffix(host, h) {
				return name
			}
		}
	}
	if mattermostHook.MatchString(u.Path) {
		return "mattermost"
	}
	return "webhook"
}

// FromURL returns the settings of a webhook URL as its service needs them. Two services have keys instead, and URLs that hold them:
// https://api.telegram.org/bot<token>/sendMessage?chat_id=<chat>, and PagerDuty's integration URL,
// https://events.pagerduty.com/integration/<key>/enqueue.
func FromURL(raw redact.Secret) (service string, s Settings) {
	service = URLService(raw.Reveal())
	u, err := url.Parse(raw.Reveal())
	if err != nil {
		return service, Settings{URL: raw}
	}
	key := func(prefix string) redact.Secret {
		key, _, _ := strings.Cut(strings.TrimPrefix(u.Path, prefix), "/")
		return redact.Secret(key)
	}
	switch service {
	case "telegram":
		return service, Settings{Token: key("/bot"), Chat: u.Query().Get("chat_id")}
	case "pagerduty":
		s = Settings{APIURL: u.Scheme + "://" + u.Host, RoutingKey: redact.Secret(u.Query().Get("routing_key"))}
		if strings.HasPrefix(u.Path, "/integration/") {
			s.RoutingKey = key("/integration/")
		}
		return service, s
	}
	return service, Settings{URL: raw}
}

// Read takes secrets and the template from the files that are named, relative to dir. It reports all that is wrong, each
// error beginning with its key.
func (s *Settings) Read(dir string) []error {
	var errs []error
	for _, f := range []struct {
		key   string
		file  string
		value *redact.Secret
	}{
		{"url", s.URLFile, &s.URL},
		{"token", s.TokenFile, &s.Token},
		{"secret", s.SecretFile, &s.Secret},
		{"routing_key", s.RoutingKeyFile, &s.RoutingKey},
		{"auth_password", s.AuthPasswordFile, &s.AuthPassword},
		{"template", s.TemplateFile, (*redact.Secret)(&s.Template)},
	} {
		if *f.value != "" && strings.TrimSpace(string(*f.value)) == "" {
			errs = append(errs, fmt.Errorf("%s: is blank; give it a value, or leave it out", f.key))
		}
		if f.file == "" {
			continue
		}
		if *f.value != "" {
			errs = append(errs, fmt.Errorf("%s, %s_file: set one of them", f.key, f.key))
			continue
		}
		file := f.file
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		b, err := os.ReadFile(file)
		content := strings.TrimSpace(string(b))
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s_file: %w", f.key, err))
		case content == "":
			errs = append(errs, fmt.Errorf("%s_file: %s is empty", f.key, file))
		}
		*f.value = redact.Secret(content)
	}
	return errs
}

// given returns the keys that are set.
func (s *Settings) given() map[string]bool {
	return map[string]bool{
		"url": s.URL != "", "token": s.Token != "", "secret": s.Secret != "", "routing_key": s.RoutingKey != "",
		"api_url": s.APIURL != "", "channel": s.Channel != "", "chat": s.Chat != "", "topic": s.Topic != 0, "room": s.Room != "",
		"template": s.Template != "", "headers": len(s.Headers) > 0, "to": len(s.To) > 0, "from": s.From != "",
		"smarthost": s.Smarthost != "", "hello": s.Hello != "", "auth_username": s.AuthUsername != "",
		"auth_password": s.AuthPassword != "", "require_tls": s.RequireTLS != nil,
	}
}

// New makes a channel of a service. It reports all that is wrong with the settings; each error begins with its key, where it
// is about one.
func New(name string, s Settings, o Options) (Channel, []error) {
	spec, known := services[name]
	if !known {
		return nil, []error{fmt.Errorf("unknown service %q; use one of %s", name, strings.Join(Services(), ", "))}
	}
	errs := s.check(spec)
	if len(errs) > 0 {
		return nil, errs
	}
	secrets := []string{s.URL.Reveal(), s.Token.Reveal(), s.Secret.Reveal(), s.RoutingKey.Reveal(), s.AuthPassword.Reveal()}
	secrets = append(secrets, partsOf(s.URL.Reveal())...)
	for _, value := range s.Headers {
		secrets = append(secrets, value.Reveal())
	}
	c, err := spec.make(&s, newCore(o, secrets...))
	switch several := err.(type) { //nolint:errorlint // joined by the maker itself
	case nil:
		return c, nil
	case interface{ Unwrap() []error }:
		return nil, several.Unwrap()
	}
	return nil, []error{err}
}

// partsOf returns the parts of a webhook's URL that may be secret by themselves: the end of its path, and its parameters.
func partsOf(raw string) (parts []string) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil
	}
	const shortest = 12 // what is shorter may be a word, such as messages
	if end := path.Base(u.Path); len(end) >= shortest {
		parts = append(parts, end)
	}
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	return parts
}

// check compares the keys that are given with those that the service has.
func (s *Settings) check(spec service) []error {
	var errs []error
	given := s.given()
	allowed := slices.Concat(append(slices.Clone(spec.needs), spec.may)...)
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if given[key] && !slices.Contains(allowed, key) {
			errs = append(errs, fmt.Errorf("%s: is no key of this service; it has %s", key, strings.Join(allowed, ", ")))
		}
	}
	complete := slices.ContainsFunc(spec.needs, func(set []string) bool {
		return !slices.ContainsFunc(set, func(key string) bool { return !given[key] })
	})
	if !complete {
		var sets []string
		for _, set := range spec.needs {
			sets = append(sets, strings.Join(set, ", "))
		}
		errs = append(errs, fmt.Errorf("set %s", strings.Join(sets, "; or ")))
	}
	for key, value := range map[string]string{"url": s.URL.Reveal(), "api_url": s.APIURL} {
		if value != "" && !isHTTP(value) {
			errs = append(errs, fmt.Errorf("%s: is not an http:// or https:// URL with a host", key))
		}
	}
	return errs
}

func isHTTP(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// base returns an API's root without a trailing slash.
func (s *Settings) base(usual string) string { return strings.TrimRight(cmp.Or(s.APIURL, usual), "/") }

// withQuery returns a URL with parameters added to its own.
func withQuery(raw string, params ...string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", errors.New("url: can't be parsed")
	}
	q := u.Query()
	for i := 0; i < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}
