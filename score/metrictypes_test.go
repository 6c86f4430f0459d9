package score

import (
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
)

func TestKinds(t *testing.T) {
	k := MetricTypes{
		"h": "histogram", "s": "summary", "a_count": "gauge", "g_total": "gauge", "c": "counter", "om": "counter", "u": "unknown",
	}
	for name, want := range map[string]model.MetricType{
		"h_sum": "histogram", "s_count": "histogram", "a_count": "gauge", "g_total": "gauge", "c": "counter", "om_total": "counter",
		"u": "gauge", "x_total": "counter", "x_count": "histogram", "x_bytes": "gauge",
	} {
		assert.Equal(t, want, k.Of(name), name)
		if k[name] == "" && !strings.HasPrefix(name, "u") && name != "h_sum" && name != "s_count" {
			assert.Equal(t, want, MetricTypes(nil).Of(name), name)
		}
	}
}
