package promql

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUnits(t *testing.T) {
	for expr, want := range map[string]string{
		`rate(errors_total[5m])`: "12.3/s",
		`sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))`:                      "1230 %",
		`100 * sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))`:                "12.3 %",
		`100 - avail_bytes / size_bytes * 100`:                                             "12.3 %",
		`avail_bytes / size_bytes`:                                                         "1230 %",
		`node_memory_MemAvailable_bytes`:                                                   "12.3 B",
		`rate(sent_bytes_total[1m])`:                                                       "12.3 B/s",
		`rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])`:                  "12.3 s",
		`histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5m])))`:          "12.3 s",
		`time() - process_start_time_seconds`:                                              "12.3 s",
		`time() - max(backup_timestamp_seconds)`:                                           "12.3 s",
		`probe_ssl_earliest_cert_expiry - time()`:                                          "12.3 s",
		`x509_cert_not_after - time()`:                                                     "12.3 s",
		`mysql_slave_status_seconds_behind_master`:                                         "12.3 s",
		`jvm_memory_bytes_used`:                                                            "12.3 B",
		`pg_replication_slots_pg_wal_lsn_diff`:                                             "12.3 B",
		`rate(duplicate_timestamp_total[5m])`:                                              "12.3/s",
		`rate(node_cpu_seconds_total[5m])`:                                                 "12.3",
		`kube_deployment_spec_replicas`:                                                    "12.3",
		`rate(errors_total[5m]) / count(up)`:                                               "12.3",
		`count(up == 0) / count(up)`:                                                       "1230 %",
		`free_inodes / inodes`:                                                             "12.3",
		`up{job="a"} / up{job="b"}`:                                                        "1230 %",
		`increase(restarts_total[1h])`:                                                     "12.3",
		`latency_seconds * 1000`:                                                           "12.3",
		`job_cache_hit_ratio`:                                                              "1230 %",
		`rate(container_cpu_usage_seconds_total[5m]) / kube_pod_container_resource_limits`: "12.3",
	} {
		e, err := Parse(expr)
		require.NoError(t, err)
		assert.Equal(t, want, UnitOf(e).Format(12.3), expr)
	}
}

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"0": FormatNumber(0), "0.123": FormatNumber(.1234), "1.23": FormatNumber(1.2345), "12.3": FormatNumber(12.345), "123": FormatNumber(123.45),
		"123457": FormatNumber(123456.7), "0.0001": FormatNumber(.0001), "1e-09": FormatNumber(1e-9), "1.5e+16": FormatNumber(1.5e16), "-4.5": FormatNumber(-4.5),
		"4 KiB": formatBytes(4096, shownDigits), "1.5 GiB": formatBytes(1.5*1024*1024*1024, shownDigits), "3 µs": formatSeconds(3e-6, shownDigits), "250 ms": formatSeconds(.25, shownDigits),
		"90 s": formatSeconds(90, shownDigits), "2h": formatSeconds(7200, shownDigits), "–": Unit{}.Format(math.NaN()),
	} {
		assert.Equal(t, want, got)
	}
}

// TestFormat: every unit, and values that are none.
func TestFormat(t *testing.T) {
	for _, test := range []struct {
		unit   Unit
		values map[float64]string
	}{
		{Unit{}, map[float64]string{0: "0", 1234.5: "1235", -.5: "-0.5", math.Inf(1): "+Inf", math.Inf(-1): "-Inf"}},
		{Unit{Base: UnitCount}, map[float64]string{3: "3"}},
		{Unit{UnitCount, true}, map[float64]string{.25: "0.25/s"}},
		{Unit{Base: UnitRatio}, map[float64]string{.129: "12.9 %", 1: "100 %", 2e-5: "0.002 %"}},
		{Unit{Base: UnitPercent}, map[float64]string{12.94: "12.9 %"}},
		{Unit{Base: UnitSeconds}, map[float64]string{0: "0 s", 2e-6: "2 µs", .05: "50 ms", 1.5: "1.5 s", 90061: "1d1h1m1s", 1e12: "1000000000000 s"}},
		{Unit{UnitSeconds, true}, map[float64]string{.5: "0.5"}},
		{Unit{Base: UnitBytes}, map[float64]string{512: "512 B", -2048: "-2 KiB", 1 << 50: "1 PiB", 1 << 62: "4096 PiB"}},
		{Unit{UnitBytes, true}, map[float64]string{1024: "1 KiB/s"}},
		{Unit{Base: UnitInstant}, map[float64]string{1795158220: "2026-11-20 07:03:40 UTC", 3: "3"}},
	} {
		for v, want := range test.values {
			assert.Equal(t, want, test.unit.Format(v), "%+v", test.unit)
		}
	}
}

func TestChart(t *testing.T) {
	for want, units := range map[string][]Unit{
		"":  {{}, {Base: UnitCount}, {UnitBytes, true}, {Base: UnitPercent}, {Base: UnitInstant}},
		"%": {{Base: UnitRatio}}, "s": {{Base: UnitSeconds}}, "bytes": {{Base: UnitBytes}},
	} {
		for _, u := range units {
			assert.Equal(t, want, u.Chart(), "%+v", u)
		}
	}
}

// TestUnitsOfArithmetic: what an operation makes of units, and that it says nothing where that is not certain.
func TestUnitsOfArithmetic(t *testing.T) {
	for expr, want := range map[string]Unit{
		`a_bytes + b_bytes`: {Base: UnitBytes}, `a_bytes + b_seconds`: {}, `a_bytes - 5`: {Base: UnitBytes}, `1 - a_ratio`: {Base: UnitRatio},
		`a_ratio * 100`: {Base: UnitPercent}, `100 * a_ratio`: {Base: UnitPercent}, `a_percent / 100`: {Base: UnitRatio}, `a_percent * 0.01`: {Base: UnitRatio},
		`a_bytes * 8`: {}, `a_bytes / 1024`: {}, `a_bytes * 1`: {Base: UnitBytes}, `-a_bytes`: {Base: UnitBytes}, `a_bytes / 0`: {},
		`a_bytes * b_ratio`: {Base: UnitBytes}, `b_ratio * a_bytes`: {Base: UnitBytes}, `a_bytes * b_bytes`: {}, `a_bytes ^ 2`: {},
		`a_bytes / b_ratio`: {Base: UnitBytes}, `a_bytes / b_bytes`: {Base: UnitRatio}, `a_bytes / b_seconds`: {},
		`rate(a_bytes_total[5m]) / rate(b_total[5m])`: {Base: UnitBytes}, `rate(a_bytes_total[5m]) / count(b)`: {},
		`time() - a_timestamp_seconds`: {Base: UnitSeconds}, `a_timestamp_seconds + 5`: {Base: UnitInstant}, `a_timestamp_seconds / b_bytes`: {},
		`count(a)`: {Base: UnitCount}, `group(a)`: {Base: UnitCount}, `count(a) * 2`: {Base: UnitCount}, `stdvar(a_bytes)`: {}, `stddev(a_bytes)`: {Base: UnitBytes},
		`max_over_time(a_bytes[5m])`: {Base: UnitBytes}, `changes(a_bytes[5m])`: {Base: UnitCount}, `deriv(a_bytes[5m])`: {UnitBytes, true},
		`rate(a[5m])`: {}, `rate(a_count[5m])`: {UnitCount, true}, `rate(a_seconds_bucket[5m])`: {UnitCount, true}, `sqrt(a_bytes)`: {},
		`a_bytes > bool 5`: {Base: UnitCount}, `a_bytes > 5`: {Base: UnitBytes}, `a_bytes and b_seconds`: {Base: UnitBytes},
		`histogram_quantile(0.5, rate(a_seconds_bucket[5m]))`: {Base: UnitSeconds}, `timestamp(a)`: {Base: UnitInstant}, `"text"`: {},
		`max_over_time(a_bytes[1h:1m])`:                                            {Base: UnitBytes},
		`sum(rate(a_seconds_bucket{le="1"}[5m])) / sum(rate(a_seconds_count[5m]))`: {Base: UnitRatio},
		`histogram_quantile(0.5, sum by (le) (rate(a_bytes_bucket[5m])) * 1)`:      {Base: UnitBytes},
		`rate(p_ms_total[5m]) / rate(p_requests_total[5m])`:                        {}, `rate(p_failures_total[5m]) / rate(p_requests_total[5m])`: {Base: UnitRatio},
		`count(a) / count(b)`: {}, `count(a > 1) / count(a)`: {Base: UnitRatio}, `sum(a > bool 1) / count(a)`: {Base: UnitRatio},
		`sum(rate(x{c="5"}[5m]) * 100) / sum(rate(x[5m]))`: {Base: UnitPercent}, `max(100 * a) / clamp_min(max(a offset 1h), 1)`: {Base: UnitPercent},
		`abs(x - scalar(avg(x))) / scalar(stddev(x) + 1)`: {}, `(x - avg_over_time(x[1d])) / stddev_over_time(x[1d])`: {}, `x / scalar(avg(x))`: {Base: UnitRatio},
		`(a_bytes - b_bytes) / a_bytes * 100`: {Base: UnitPercent}, `1 - (1 - a_ratio)`: {Base: UnitRatio}, `sum(a_ratio * 100)`: {Base: UnitPercent},
	} {
		assert.Equal(t, want, UnitOf(parsed(t, expr)), expr)
	}
}

// TestUnitOfCondition: what is compared with more than any ratio reaches is none.
func TestUnitOfCondition(t *testing.T) {
	for expr, want := range map[string]UnitBase{
		`a_usage_ratio > 70`: UnitPercent, `a_usage_ratio > 0.7`: UnitRatio, `max(a_usage_ratio) > 70`: UnitPercent, `1 < a_usage_ratio`: UnitRatio,
		`rate(x_total[5m]) / rate(y_total[5m]) > 300`: UnitNone, `rate(x_total[5m]) / rate(y_total[5m]) > 2`: UnitRatio,
		`100 * sum(x_total) / sum(x_total) > 70`: UnitPercent, `a_bytes > 1e9`: UnitBytes,
	} {
		assert.Equal(t, want, conditionsOf(parsed(t, expr))[0].Unit().Base, expr)
	}
}

// TestFormatApart: a value and the threshold that it is beyond never look the same.
func TestFormatApart(t *testing.T) {
	for _, test := range []struct {
		unit             Unit
		value, threshold float64
		want             string
	}{
		{Unit{}, 13.993, 14, "13.99"},
		{Unit{}, 14, 14, "14"},
		{Unit{}, 13.5, 14, "13.5"},
		{Unit{}, 100.2, 100, "100.2"},
		{Unit{}, .9999, 1, "0.9999"},
		{Unit{Base: UnitRatio}, .0500001, .05, "5.00001 %"},
		{Unit{Base: UnitPercent}, 90.04, 90, "90.04 %"},
		{Unit{Base: UnitSeconds}, 3600.4, 3600, "3600.4 s"},
		{Unit{Base: UnitSeconds}, 3605, 3600, "1h5s"},
		{Unit{Base: UnitBytes}, 1<<30 + 1<<20, 1 << 30, "1.001 GiB"},
		{Unit{UnitCount, true}, 5.0001, 5, "5.0001/s"},
		{Unit{}, 5, math.NaN(), "5"},
		{Unit{}, math.NaN(), 5, "–"},
		{Unit{}, math.Inf(1), 5, "+Inf"},
	} {
		assert.Equal(t, test.want, test.unit.FormatApart(test.value, test.threshold))
	}
}

func TestUnitOfMetric(t *testing.T) {
	for name, want := range map[string]UnitBase{
		"http_request_duration_seconds_bucket": UnitSeconds,
		"http_request_duration_seconds_sum":    UnitSeconds,
		"node_cpu_seconds_total":               UnitSeconds,
		"process_start_time_seconds":           UnitInstant,
		"backup_last_timestamp_seconds":        UnitInstant,
		"boot_time_seconds":                    UnitSeconds,
		"container_memory_rss_bytes":           UnitBytes,
		"sent_bytes_total":                     UnitBytes,
		"cache_hit_ratio":                      UnitRatio,
		"disk_used_percent":                    UnitPercent,
		"http_requests_total":                  UnitNone,
		"seconds":                              UnitNone,
		"up":                                   UnitNone,
		"":                                     UnitNone,
	} {
		assert.Equal(t, Unit{Base: want}, UnitOfMetric(name), name)
	}
}

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "1m30s": 90 * time.Second, "1h30m": 90 * time.Minute, "1d": 24 * time.Hour, "1w": 7 * 24 * time.Hour, "1s500ms": 1500 * time.Millisecond,
	} {
		assert.Equal(t, want, FormatDuration(d))
		if d > 0 {
			_, err := Parse("rate(x[" + want + "])")
			assert.NoError(t, err, "PromQL reads it")
		}
	}
}
