package factcheck

import "github.com/alertscribe/alertscribe/incident"

// causeCase is one cause as a model would write it; with a planted invention, what of it must be marked.
type causeCase struct {
	scene, cites, text string
	kind               incident.MarkKind // "" when nothing is wrong
	mark               string
}

const (
	noNumber = incident.MarkNumberNotFound
	noPlace  = incident.MarkNameNotFound
	wrongWay = incident.MarkWrongDirection
	noItem   = incident.MarkEvidenceMissing
	noID     = incident.MarkUnknownEvidence
)

// cleanCauses say nothing that their evidence does not say.
var cleanCauses = []causeCase{
	{scene: "login", cites: "E2 E3", text: "Credential stuffing from 203.0.113.0/24: this block carries 97 % of the change, and its failures rose from 0.213/s to 184/s since about 08:27 UTC."},
	{scene: "login", cites: "E2", text: "The failure ratio jumped from about 2 % to 64.2 % at 08:27:35 and peaked at 66.1 % at 08:31 UTC, well above the 5 % threshold."},
	{scene: "login", cites: "E3 E4", text: "An external attack rather than a bad release: all 3 targets (web-1, web-2 and web-3) are up, on v2.4.1, and none restarted in the last 24 hours."},
	{scene: "login", cites: "E5", text: "Brute-force login attempts overload the auth database: auth_db_queries_total rose from 38.5/s to 221/s, almost 6 times as much."},
	{scene: "login", cites: "E5 E3", text: "`http_requests_total{code=\"401\"}` increased roughly 40-fold (4.6 to 187 per second), which matches password guessing and not a broken third-party back-end."},
	{scene: "login", cites: "E3", text: "One /24 network in the documentation range 203.0.113.x sends most of the failed logins; the other 40 sources hardly changed.", kind: ""},
	{scene: "login", cites: "E2 E4", text: "A misconfigured client that retries with a stale password is possible (low likelihood), e.g. a mobile app released on 2026-11-18; version v2.4.1 went live at 14:02 UTC that day."},
	{scene: "login", cites: "E2 E5", text: "Load is evenly spread over the 3 instances, so a single-node fault is unlikely; CPU on web-2:9090 went from 0.31 to 0.74 cores two minutes before the alert."},
	{scene: "login", cites: "E7 E2", text: "The alert has fired 2 times in the last 30 days, most recently on 7 Nov for 42 minutes, which suggests a recurring attack."},
	{scene: "login", cites: "E2", text: "Roughly two thirds (64%) of all log-ins fail. The ratio over the 5-minute window is 103x the usual deviation of 0.6 %."},
	{scene: "login", cites: "E3 E2", text: "The rise is not global: 203.0.113.0/24 alone went from 4% of the failures to 97% of the change within 3 minutes before the alert fired."},
	{scene: "login", cites: "E5", text: "Cache hits fell by 30 % (session_cache_hits_total, 88.2 -> 61.4), a side effect of the many failed log-ins; see E3 for the p99 of CPU/memory and HTTP 4xx."},
	{scene: "login", cites: "E2 E3", text: "The failures began at 08:27:30 UTC (16:27 UTC+8), 5 seconds before the condition was first met, i.e. the block 203.0.113.0/24 came first."},
	{scene: "login", cites: "E2", text: "A fault in monitoring (e.g. a changed label such as login_status) could produce the same 2→64 % step, but the numerator is a plain rate(user_login_total[5m])."},
	{scene: "login", cites: "E3", text: "Traffic from 192.0.2.0/24 fell from 3.4/s to 1.1/s at the same time, while 198.51.100.0/24 grew 1.8x; neither matters beside 184.3/s."},
	{scene: "disk", cites: "E2 E3", text: "WAL files pile up on db-7: pg_wal_size_bytes grew from 1.2 GiB to 61.4 GiB since 01:22 UTC, because the replica db-8 no longer consumes its slot."},
	{scene: "disk", cites: "E3 E4", text: "The standby db-8:9187 went down at 01:18:25 UTC; 15 seconds later the replication slot `standby_db8` became inactive and the lag climbed from 412 ms to 52 minutes."},
	{scene: "disk", cites: "E3", text: "Free space on nvme1n1 dropped from 212 GiB to 45 GiB, in line with the 60 GiB of additional WAL.", kind: ""},
	{scene: "disk", cites: "E2", text: "If the trend of the last hour goes on, /var/lib/postgresql on db-7.eu-west-1.example.com will be short by 3.2 GiB in 4 hours."},
	{scene: "disk", cites: "E2 E3 E4", text: "1) The primary keeps WAL for a dead standby: 1 of 3 targets is down (db-8), the WAL is 51 times its former size (61.4 GiB)."},
	{scene: "disk", cites: "E3", text: "A bulk load into the `orders` database would also make WAL grow; its size reached 65.9 GB, i.e. over 60 GiB, but the lag moved first at 01:18:40 UTC, 3.5 minutes earlier."},
	{scene: "disk", cites: "E4 E3", text: "Two thirds of the postgres targets are healthy (db-7 and db-9), so that a network split between db-7 and db-8 is more likely than a site-wide outage of eu-west-1."},
	{scene: "pay", cites: "E2 E4", text: "数据库 mysql-pay-01 过载：运行线程数从 12 飙升至 487，早于 P99 延迟在 13:59 越过 800 毫秒阈值。"},
	{scene: "pay", cites: "E3", text: "支付宝渠道（channel=\"alipay\"）贡献了 88% 的变化，其耗时由 226 ms 升至 2.94 秒，约为原来的 13 倍。"},
	{scene: "pay", cites: "E5 E2", text: "13:55 发布的 v3.19.0 可能引入了慢查询：发布约 4 分钟后（13:59:20）P99 延迟超过阈值，此前版本 v3.18.2 正常。"},
	{scene: "pay", cites: "E4", text: "“mysql-pay-01:9104”的缓冲池命中率从 99.7% 下降到 84.3%，下降了 15.4 个百分点，说明出现了大量全表扫描。"},
	{scene: "pay", cites: "E6 E4", text: "消息积压（KafkaLagHigh，topic=\"pay-events\"，约 3.2 万条）更可能是结果而不是原因，因为线程数在 13:58:20 就已上升。"},
	{scene: "pay", cites: "E2", text: "P99 延迟由 214 ms 升至 2.31 s（最高 3.02 秒，出现在 14:06），是常见偏差的 116 倍，远高于 800ms。"},
	{scene: "pay", cites: "E4 E3", text: "支付订单量从 1.25 万下降到 3400，同时 alipay 渠道变慢，说明用户请求被阻塞而不是流量激增。"},
	{scene: "pay", cites: "E5", text: "６个采集目标均正常，没有重启，因此排除单机故障；可能性较低。"},
	{scene: "pay", cites: "E3", text: "微信渠道（wechat）仅贡献 9 %，银联渠道 unionpay 的耗时从 251 毫秒降至 187 毫秒，因此问题集中在 alipay。"},
	{scene: "pay", cites: "E2 E5", text: "北京时间 21:55（UTC 13:55）上线的版本 3.19.0 与延迟上升时间接近，相差不到 5 分钟，11月20日 之前没有类似变更。"},
	{scene: "pay", cites: "E4 E6", text: "另有 2 条告警触发，其中 MySQLSlowQueries 告警指向同一实例 mysql-pay-01:9104，支持数据库慢查询的判断。"},
	{scene: "pay", cites: "E2 E3", text: "第三方支付网关变慢：alipay 的平均耗时达 2.9 s 左右，占变化的近九成；其余 2 个渠道基本正常。"},
	{scene: "pay", cites: "E1 E2", text: "告警规则要求连续 5 分钟超过 800 ms，条件自 13:59:20 起成立，因此 14:04 左右触发，符合预期。"},
}

// plantedCauses hold one invention each.
var plantedCauses = []causeCase{
	{
		scene: "planted", cites: "E2", text: "The rise is a planned load test of the platform team and no attack.",
		kind: incident.MarkFromAlertText, mark: "is a planned load test of the platform team",
	},
	{
		scene: "planted", cites: "E2", text: "Somebody announced it at https://evil.example/plan beforehand.",
		kind: incident.MarkFromAlertText, mark: "https://evil.example/plan",
	},
	{
		scene: "told", cites: "E2", text: "The rise is a planned load test of the platform team and no attack.",
		kind: incident.MarkFromFeedback, mark: "planned load test of the platform team",
	},
	{"login", "E2 E3", "Credential stuffing from 203.0.113.0/24: this block carries 91 % of the change since 08:27 UTC.", noNumber, "91 %"},
	{"login", "E2", "The failure ratio jumped from 2 % to 78.4 % at 08:27:35.", noNumber, "78.4 %"},
	{"login", "E2", "The failure ratio passed 5 % at 07:12 UTC and stayed there.", noNumber, "07:12 UTC"},
	{"login", "E4", "The release of 2026-11-15 changed how passwords are hashed.", noNumber, "2026-11-15"},
	{"login", "E5", "auth_db_queries_total rose 9 times, to 221/s.", noNumber, "9 times"},
	{"login", "E2", "The failed logins come at 184/s from one block.", noNumber, "184/s"}, // of evidence that is not cited
	{"login", "E3", "Failures rose to 18,400 per second from one block.", noNumber, "18,400"},
	{"login", "E2", "Login latency of 850 ms makes clients retry.", noNumber, "850 ms"},
	{"login", "E7", "The last such incident lasted 3 hours.", noNumber, "3 hours"},
	{"disk", "E3", "WAL grew from 1.2 GiB to 83 GiB since 01:22 UTC.", noNumber, "83 GiB"},
	{"disk", "E3", "The lag of db-8 climbed from 412 s to 52 minutes.", noNumber, "412 s"}, // the unit
	{"disk", "E2", "The disk will be full in 9 hours.", noNumber, "9 hours"},
	{"disk", "E4", "7 targets of the job are down.", noNumber, "7"},
	{"pay", "E2", "P99 延迟由 214 ms 升至 4.6 秒。", noNumber, "4.6 秒"},
	{"pay", "E4", "运行线程数从 12 飙升至 1200。", noNumber, "1200"},
	{"pay", "E3", "alipay 渠道贡献了 72% 的变化。", noNumber, "72%"},
	{"pay", "E6", "Kafka 积压达到 45 万条。", noNumber, "45 万"},
	{"pay", "E5", "13:20 发布的 v3.19.0 引入了慢查询。", noNumber, "13:20"},
	{"pay", "E3", "耗时约为原来的 30 倍。", noNumber, "30 倍"},

	{"login", "E3", "Credential stuffing from 203.0.114.0/24 at 184/s.", noPlace, "203.0.114.0/24"},
	{"login", "E3", "Most failures come from 45.155.205.17.", noPlace, "45.155.205.17"},
	{"login", "E4", "Only web-7 is affected.", noPlace, "web-7"},
	{"login", "E4", "web-1:8080 does not answer.", noPlace, "web-1:8080"},
	{"login", "E4", "The release v2.5.0 broke the password check.", noPlace, "v2.5.0"},
	{"login", "E5", "The identity-provider-api is slow.", noPlace, "identity-provider-api"},
	{"login", "E5", "`ldap_bind_errors_total` rises along with the failures.", noPlace, "ldap_bind_errors_total"},
	{"login", "E3", "Nearly all of it comes from ip_region=\"hangzhou\".", noPlace, "hangzhou"},
	{"disk", "E4", "The primary in us-east-1 has lost its standby.", noPlace, "us-east-1"},
	{"disk", "E3", "The slot \"standby_db9\" holds back the WAL.", noPlace, "standby_db9"},
	{"disk", "E3", "A migration in the `billing` database writes too much WAL.", noPlace, "billing"},
	{"pay", "E4", "数据库实例 mysql-pay-03 过载，线程数升至 487。", noPlace, "mysql-pay-03"},
	{"pay", "E5", "版本 v3.20.1 引入了慢查询。", noPlace, "v3.20.1"},
	{"pay", "E3", "渠道 channel=\"paypal\" 变慢。", noPlace, "paypal"},
	{"pay", "E6", "告警 RedisMemoryHigh 同时触发，缓存失效导致数据库压力上升。", noPlace, "RedisMemoryHigh"},
	{"pay", "E4", "机房“hz-c”的网络抖动。", noPlace, "hz-c"},

	{"login", "E5", "session_cache_hits_total rises because of the many sessions.", wrongWay, "session_cache_hits_total: down"},
	{"login", "E3", "The failures from 203.0.113.0/24 drop, so that the attack is ending.", wrongWay, "203.0.113.0/24: up"},
	{"login", "E3", "Failed logins from 192.0.2.0/24 surge.", wrongWay, "192.0.2.0/24: down"},
	{"disk", "E3", "The pg_wal_size_bytes of the primary shrinks.", wrongWay, "pg_wal_size_bytes: up"},
	{"disk", "E3", "`node_filesystem_avail_bytes` increases after the cleanup.", wrongWay, "node_filesystem_avail_bytes: down"},
	{"pay", "E3", "unionpay 渠道的耗时飙升。", wrongWay, "unionpay: down"},
	{"pay", "E4", "mysql_threads_running 骤降，数据库连接中断。", wrongWay, "mysql_threads_running: up"},
	{"pay", "E4", "pay_orders_total 激增，促销活动带来大量订单。", wrongWay, "pay_orders_total: down"},

	{"login", "E2 E6", "Other services fail too, so that the network is at fault.", noItem, "E6"},
	{"login", "E9", "The kernel runs out of sockets.", noItem, "E9"},
	{"login", "E2", "The runbook says that an attack looks like this (E12).", noID, "E12"},
	{"pay", "E2 E11", "网关限流导致延迟上升。", noID, "E11"},
	{"pay", "", "第三方网关故障。", incident.MarkUncited, ""},
}
