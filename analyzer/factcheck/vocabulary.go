package factcheck

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// vocabulary is what a verdict may say and name although strangers say it, too: plain words, and those of our own evidence.
type vocabulary struct {
	features map[uint64]bool // of claims
	tokens   map[string]bool // words of commands
	names    map[string]bool // whole label values, in lower case
	parts    map[string]bool // the words of those that are names
	hosts    map[string]bool // of servers that the operator has set, and that Prometheus scrapes: trusted whatever is done there
	places   map[string]bool // hosts and IP addresses that whole labels name: they may be named, not fetched from
}

// identityLabels are labels that say what is monitored; their values are names that a verdict has to use.
var identityLabels = wordSet(`alertname job instance target host hostname node address server backend upstream ingress service namespace pod container
	deployment statefulset daemonset cluster region zone datname database topic consumergroup queue app component`)

// stateLabels are labels whose values are states, of several words at times, that no request writes: idle in transaction.
var stateLabels = wordSet(`state status mode phase condition result type event wait_event wait_event_type kind stage`)

// placeLabels are labels whose whole value may be a host or an IP address that a verdict has to name.
var placeLabels = wordSet(`instance target host hostname node address server backend upstream ingress source src client peer ip pod_ip host_ip
	remote_addr remote_address source_ip src_ip client_ip network cidr subnet replica member broker`)

// Words that tell what metrics do: an alert and an honest verdict have them in common.
var plainWords = stems(`with from this that these those which when then than there their they have been were will would could about above below more most
	less least over under between during before after since within into onto each every other another some both either only also just very much many same
	such what where while because however though until around across without against again almost nearly
	time times minute minutes second seconds millisecond hour hours day days week weeks month
	rate ratio share percent percentage count number total average median maximum minimum peak value values level threshold limit quantile percentile
	high higher highest low lower lowest long longer short large small
	rise rises rose risen fall fell fallen increase decrease drop dropped grow grew grown change changed jump spike climb climbed exceed exceeds
	request requests error errors failure failures fail failed failing response respond answer answers latency duration traffic load
	memory disk space cpu usage used uses network connection connections pool queue message messages replica replication replicas
	pod pods container node nodes host hosts service services server servers instance instances target targets cluster database table query queries
	user users login logins alert alerts firing fired rule metric metrics data evidence sample cause caused
	start started begin began ended stopped down full slow slower ready busy unavailable unusual unusually file mount directory
	certificate expires expired expire code status timeout timed process partition device volume`)

var plainSigns = strings.Fields(`的 了 在 是 和 与 及 为 从 到 由 中 上 下 内 后 前 时 将 已 未 不 被 对 其 该 此 约 近 至 个 条 次 项 台 秒 分钟 小时 天 周
	服务 接口 请求 错误 失败 延迟 超过 低于 高于 连续 持续 阈值 比例 比率 占比 平均 中位数 最高 最低 峰值 当前 上升 下降 升至 降至 升高 降低 增加 减少 变化 异常
	告警 触发 指标 数据 数据库 实例 节点 主机 集群 内存 磁盘 空间 使用率 利用率 网络 连接 队列 消息 主从 从库 主库 副本 容器 机房 网关 渠道 用户 登录 发送 速率 数量
	支付 订单 短信 版本 发布 重启 证据 目标 单一 确认 检查 是否 导致 引起 可能 原因 先 请 秒钟 百分`)

// plainTools read, and change nothing: a command made of these and of the alert's own names is anybody's.
var plainTools = wordSet(`kubectl oc get describe logs log top rollout status history events explain wide yaml json all namespaces namespace pods pod po nodes node no
	deploy deployment deployments statefulset statefulsets sts daemonset daemonsets ds replicaset rs job jobs cronjob service services svc endpoints ingress pvc pv persistentvolumeclaim persistentvolumeclaims persistentvolume cm configmap configmaps hpa
	sudo ssh sh bash echo true cat less head tail grep egrep zgrep awk cut sort uniq wc tr jq xargs watch time date ls df du free uptime top htop ps pgrep ss netstat lsof
	iostat vmstat mpstat sar dmesg journalctl systemctl is-active list show status mount findmnt lsblk stat ip addr route link ping dig nslookup host traceroute mtr
	curl wget promtool amtool query instant range metrics alerts docker inspect stats images events crictl mysql psql redis-cli select from where order by and or limit count
	group as desc asc not in is null like information_schema pg_stat_activity show processlist info openssl x509 s_client noout dates connect servername env printenv
	for do done while if then else fi the a an of to on at with run use it or last since follow previous tee exec`)

// changing are words of commands that change something: whoever says so has to stand for it.
var changing = wordSet(`rm rmdir delete drop truncate kill killall pkill stop start restart reload disable enable mask scale patch replace apply create edit set unset drain cordon
	undo pause resume flush purge reset reboot shutdown poweroff halt mv cp chmod chown dd mkfs umount swapoff install uninstall remove upgrade add update insert
	grant revoke alter exec run attach import export push write config crontab useradd userdel usermod passwd iptables nft setenforce eval source`)

// stems returns the features of a list of words.
func stems(list string) map[uint64]bool {
	set := map[uint64]bool{}
	for word := range strings.FieldsSeq(list) {
		set[hashOf(stem(word))] = true
	}
	return set
}

// suffixes of English, the longest first: fails, failed, failing and failure are one word.
var suffixes = strings.Fields(`ations ation ments ment ings ing ures ure ions ion ers er ies ied ed es ly s y e`)

// stem returns a word without its ending, where four letters stay.
func stem(word string) string {
	for _, suffix := range suffixes {
		if rest, ok := strings.CutSuffix(word, suffix); ok && len(rest) >= longEnough {
			if n := len(rest); rest[n-1] == rest[n-2] && n > longEnough { // dropped, stopping
				rest = rest[:n-1]
			}
			return rest
		}
	}
	return word
}

var (
	quotedForm     = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|` + "`[^`\n]*`")
	identifierForm = regexp.MustCompile(`[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+`)
	measureForm    = regexp.MustCompile(`^\d*(?:\.\d+)?(?:[kmgtp]i?)?(?:b|bytes?|bits?|req|requests|ops|rows|s|ms|[µu]s)?(?:/(?:s|sec|second|min|m|h))?$`)
	placedForm     = regexp.MustCompile(`\b(\w+)="((?:[^"\\\n]|\\.)*)"`)
)

const (
	maxNameParts       = 5 // of the name of a thing: more words are a sentence
	maxValueParts      = 3
	maxNameSigns       = 8
	maxIdentifierParts = 8  // of what is said in one word, such as a metric
	longFlag           = 12 // bytes from which a flag is telling
	longNumber         = 5  // digits
	longWord           = 16 // bytes
)

// newVocabulary gathers what our own evidence says, and the names of what the incident is about.
func newVocabulary(in Input) *vocabulary {
	v := &vocabulary{features: map[uint64]bool{}, tokens: map[string]bool{}, names: map[string]bool{}, parts: map[string]bool{}, hosts: map[string]bool{}, places: map[string]bool{}}
	for i := range in.Evidence {
		v.addEvidence(&in.Evidence[i])
	}
	v.addName(in.Incident.Alertname)
	v.addAlertLabels(in.Incident.GroupLabels)
	seen := map[[2]string]bool{} // alerts of one group say much the same
	for _, a := range in.Alerts {
		for key, value := range a.Labels {
			if pair := [2]string{key, value}; !seen[pair] {
				seen[pair] = true
				v.addAlertLabel(key, value)
			}
		}
	}
	return v
}

func (v *vocabulary) addAlertLabels(labels map[string]string) {
	for key, value := range labels {
		v.addAlertLabel(key, value)
	}
}

// addAlertLabel adds what a label of an alert names. Anybody may have sent it, so that it makes no host trusted.
func (v *vocabulary) addAlertLabel(key, value string) {
	lower := strings.ToLower(value)
	v.names[lower] = true
	if identityLabels[key] {
		v.addName(value)
	}
	if host := placeOf(lower); host != "" && placeLabels[key] {
		v.places[host] = true
	}
}

// addName adds the words of a name, unless it is a sentence.
func (v *vocabulary) addName(name string) {
	words := nameWords(name)
	if len(words) > maxNameParts || unspacedIn(name) > maxNameSigns {
		return
	}
	v.addSaid(strings.Join(words, " "))
	for _, word := range words {
		v.parts[strings.ToLower(word)] = true
	}
}

// isPlainWord reports whether a word of a sentence may be in common with strangers.
func (v *vocabulary) isPlainWord(word string) bool {
	h := hashOf(stem(word))
	return len(word) < leastWord || plainWords[h] || v.features[h] || v.names[word] || v.parts[word]
}

// isPlainToken reports whether a word of a command may be in common with strangers.
func (v *vocabulary) isPlainToken(word string) bool {
	switch {
	case changing[word] && !v.tokens[word]:
		return false
	case len(word) < 2, plainTools[word], v.tokens[word], v.names[word], v.parts[word], plainWords[hashOf(stem(word))]:
		return true
	case word[0] == '-':
		return len(word) < longFlag
	case strings.Trim(word, "0123456789.%smhd") == "":
		return len(word) < longNumber
	case measureForm.MatchString(word):
		return true
	}
	return v.composedOfNames(word)
}

// withoutNames returns a folded text with blanks in place of what is named in it: whole label values and metrics.
func (v *vocabulary) withoutNames(f string) string {
	if len(v.names) == 0 {
		return f
	}
	b := []byte(f)
	start := -1
	for i := 0; i <= len(f); i++ {
		if i < len(f) && (isAlphanumeric(f[i]) || strings.IndexByte("_-./:@", f[i]) >= 0) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			v.blank(b, start, i)
			start = -1
		}
	}
	return string(b)
}

// blank blanks a word out if it, without the punctuation around it, is a name.
func (v *vocabulary) blank(b []byte, start, end int) {
	for end > start && strings.IndexByte(".:-", b[end-1]) >= 0 {
		end--
	}
	for start < end && strings.IndexByte(":-", b[start]) >= 0 {
		start++
	}
	word := string(b[start:end])
	if !v.names[word] || len(nameWords(word)) > maxIdentifierParts {
		return
	}
	for i := start; i < end; i++ {
		b[i] = ' '
	}
}

// composedOfNames reports whether a word is made of whole label values, as deploy/checkout-api and job=login are; what is
// short between them is the command's own.
func (v *vocabulary) composedOfNames(word string) bool {
	known := false
	for part := range strings.FieldsFuncSeq(word, func(r rune) bool { return strings.ContainsRune("/=,:@{}\"'", r) }) {
		switch {
		case v.names[part]:
			known = true
		case plainTools[part]: // as in deployment/checkout
		case len(part) >= longWord/2:
			return false
		}
	}
	return known
}

// unspacedIn counts the characters of scripts without spaces.
func unspacedIn(s string) int {
	n := 0
	for _, r := range text.CutBytes(s, maxCellBytes) {
		if isUnspaced(r) {
			n++
		}
	}
	return n
}

// nameWords divides a name at its signs, and where capitals begin a word.
func nameWords(name string) []string {
	var words []string
	name = text.CutBytes(name, maxCellBytes)
	start, before := -1, rune(0)
	for i, r := range name {
		isPart := unicode.IsLetter(r) || unicode.IsDigit(r)
		if start >= 0 && (!isPart || unicode.IsUpper(r) && !unicode.IsUpper(before)) {
			words = append(words, name[start:i])
			start = -1
		}
		if isPart && start < 0 {
			start = i
		}
		before = r
	}
	if start >= 0 {
		words = append(words, name[start:])
	}
	return words
}

// addSaid adds the words of a text of ours.
func (v *vocabulary) addSaid(s string) {
	for _, f := range featuresOf(folded(s), nil) {
		v.features[f.hash] = true
	}
}

// addEvidence adds our own words about an item, and what Prometheus itself says is monitored. Label values within our sentences
// stand between quotes and are left out.
func (v *vocabulary) addEvidence(e *incident.Evidence) {
	if e.Kind == incident.KindCheck { // its query is the model's own words
		return
	}
	unquoted := func(s string) string { return quotedForm.ReplaceAllString(text.CutBytes(s, maxFieldBytes), " ") }
	own := []string{unquoted(identifierForm.ReplaceAllString(e.Title+"\n"+e.Summary, " ")), strings.ReplaceAll(unquoted(e.Query), "_", " ")}
	commands := []string{unquoted(e.Query)}
	if e.Kind == incident.KindRunbook { // from a place that the operator allows
		own, commands = append(own, e.Summary), append(commands, e.Summary)
		own, commands = append(own, e.Lines...), append(commands, e.Lines...)
	}
	if e.Table != nil {
		own = append(own, strings.Join(e.Table.Columns, " "))
		if e.Kind == incident.KindSignal { // the rule
			for _, row := range e.Table.Rows[:min(len(e.Table.Rows), maxEntries)] {
				rule := unquoted(strings.Join(row, " "))
				own, commands = append(own, strings.ReplaceAll(rule, "_", " ")), append(commands, rule)
			}
		}
	}
	for _, s := range own {
		v.addSaid(s)
	}
	for _, s := range commands {
		for _, word := range shellWords(folded(text.CutBytes(s, maxFieldBytes))) {
			v.tokens[word] = true
			for _, part := range nameWords(word) {
				v.tokens[part] = true
			}
		}
	}
	v.addMonitored(e)
}

// addMonitored adds the series of an item: their label values are names, their instances are what Prometheus scrapes.
func (v *vocabulary) addMonitored(e *incident.Evidence) {
	for _, link := range append(linkForm.FindAllString(text.CutBytes(e.Summary, maxFieldBytes), maxTried), e.Link) {
		if host := hostOf(link); host != "" && (link == e.Link || e.Kind == incident.KindRunbook) {
			v.hosts[host] = true
		}
	}
	scraped := e.Source == incident.SourcePrometheus || e.Kind == incident.KindNeighbors
	add := func(key, value string) {
		lower := strings.ToLower(value)
		v.names[lower] = true
		if identityLabels[key] || len(nameWords(value)) <= maxValueParts && (stateLabels[key] || !strings.ContainsAny(value, " \t\n\u00a0")) {
			v.addName(value)
		}
		host := placeOf(lower)
		if host == "" {
			host = hostOf(lower)
		} else if placeLabels[key] {
			v.places[host] = true
		}
		if key == "instance" && scraped && host != "" {
			v.hosts[host] = true
		}
	}
	series := func(s string) { // written as {key="value"}, with the metric before it
		if !strings.ContainsAny(s, "_=") {
			return
		}
		for _, name := range identifierForm.FindAllString(text.CutBytes(s, maxFieldBytes), maxTried) {
			v.names[strings.ToLower(name)] = true
		}
		for _, pair := range placedForm.FindAllStringSubmatch(text.CutBytes(s, maxFieldBytes), maxTried) {
			add(pair[1], pair[2])
		}
	}
	series(e.Summary)
	series(e.Query)
	if e.Chart != nil {
		for _, s := range e.Chart.Series[:min(len(e.Chart.Series), maxEntries)] {
			series(s.Name)
		}
	}
	for _, r := range e.Ranking[:min(len(e.Ranking), maxEntries)] {
		for _, key := range slices.Sorted(maps.Keys(r.Labels)) {
			add(key, r.Labels[key])
		}
	}
	if e.Table == nil || e.Kind == incident.KindRunbook {
		return
	}
	for _, row := range e.Table.Rows[:min(len(e.Table.Rows), maxEntries)] {
		for i, cell := range row {
			if i < len(e.Table.Columns) {
				add(e.Table.Columns[i], cell)
			}
			series(cell)
		}
	}
}

// placeOf returns the host or IP address that a whole value is, with or without a port; "" for none.
func placeOf(value string) string {
	if isAddress(value) {
		bare, _, _ := strings.Cut(value, "/")
		return normalIP(hostPart(bare))
	}
	if host := hostPart(value); hostForm.MatchString(host) {
		return host
	}
	return ""
}

// hostPart returns a host without its port.
func hostPart(s string) string {
	if host, port, ok := strings.Cut(s, ":"); ok && strings.Trim(port, "0123456789") == "" {
		return host
	}
	return s
}
