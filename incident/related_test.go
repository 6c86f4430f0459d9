package incident

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestScope(t *testing.T) {
	labels := func(kv ...string) Alert {
		a := Alert{Labels: map[string]string{}}
		for i := 0; i < len(kv); i += 2 {
			a.Labels[kv[i]] = kv[i+1]
		}
		return a
	}
	for name, tc := range map[string]struct {
		alerts []Alert
		want   string
	}{
		"no alerts":                 {nil, ""},
		"a namespace":               {[]Alert{labels("namespace", "shop", "job", "web")}, "namespace=shop"},
		"the same namespace":        {[]Alert{labels("namespace", "shop"), labels("namespace", "shop", "job", "web")}, "namespace=shop"},
		"namespaces, but one job":   {[]Alert{labels("namespace", "a", "job", "web"), labels("namespace", "b", "job", "web")}, "job=web"},
		"one without its namespace": {[]Alert{labels("namespace", "a", "job", "web"), labels("job", "web")}, "job=web"},
		"the first without":         {[]Alert{labels("job", "web"), labels("namespace", "a", "job", "web")}, "job=web"},
		"no namespace":              {[]Alert{labels("job", "web")}, "job=web"},
		"neither":                   {[]Alert{labels("instance", "a")}, ""},
		"nothing in common":         {[]Alert{labels("job", "a"), labels("job", "b")}, ""},
		"empty is none":             {[]Alert{labels("namespace", "", "job", "")}, ""},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, scopeOf(tc.alerts)) })
	}
}

// struck returns an incident of a namespace.
func struck(id, namespace string, opened time.Time) *Incident {
	n := group(opened, 1, "warning")
	if namespace != "" {
		n.Alerts[0].Labels["namespace"] = namespace
	}
	n.GroupKey = id
	n.Normalize()
	inc := DefaultPolicy().Open(n, "")
	inc.ID = id
	return inc
}

// before returns an incident of the same group as that of an id.
func before(id, namespace string, opened time.Time) *Incident {
	inc := struck(id, namespace, opened)
	inc.ID = "before"
	return inc
}

func TestRelate(t *testing.T) {
	for name, tc := range map[string]struct {
		other *Incident
		want  bool
	}{
		"at the same time":  {struck("b", "shop", t0), true},
		"five minutes ago":  {struck("b", "shop", t0.Add(-5*time.Minute)), true},
		"in five minutes":   {struck("b", "shop", t0.Add(5*time.Minute)), true},
		"longer ago":        {struck("b", "shop", t0.Add(-5*time.Minute-1)), false},
		"later":             {struck("b", "shop", t0.Add(5*time.Minute+1)), false},
		"another namespace": {struck("b", "billing", t0), false},
		"none":              {struck("b", "", t0), false},
		"itself":            {struck("a", "shop", t0), false},
		"its predecessor":   {before("a", "shop", t0.Add(-time.Minute)), false},
	} {
		t.Run(name, func(t *testing.T) {
			inc, now := struck("a", "shop", t0), t0.Add(time.Hour)
			was := inc.Clone()
			require.Equal(t, tc.want, inc.Relate(tc.other, DefaultPolicy(), now))
			if !tc.want {
				assert.Equal(t, was, inc)
				return
			}
			assert.Equal(t, []RelatedIncident{{
				ID: "b", Alertname: "A", Severity: "warning", OpenedAt: tc.other.OpenedAt, ReportPath: tc.other.ReportPath,
			}}, inc.Related)
			assert.Equal(t, was.Revision+1, inc.Revision)
			assert.Equal(t, was.Due[WorkFile], inc.Due[WorkFile], "it was due before")
			assert.Equal(t, was.Generation, inc.Generation, "it calls for no analysis")
			assert.False(t, inc.Relate(tc.other, DefaultPolicy(), now), "once")
			assert.Empty(t, was.Related, "copies are not changed in place")
		})
	}
	t.Run("both without a scope", func(t *testing.T) {
		assert.False(t, struck("a", "", t0).Relate(struck("b", "", t0), DefaultPolicy(), t0))
	})
	t.Run("no more than there is room for", func(t *testing.T) {
		inc := struck("a", "shop", t0)
		for i := range MaxRelated {
			require.True(t, inc.Relate(struck(fmt.Sprint(i), "shop", t0), DefaultPolicy(), t0))
		}
		assert.False(t, inc.Relate(struck("one more", "shop", t0), DefaultPolicy(), t0))
		assert.Len(t, inc.Related, MaxRelated)

		severe := struck("severe", "shop", t0.Add(time.Minute))
		severe.Severity = "critical"
		require.True(t, inc.Relate(severe, DefaultPolicy(), t0), "it takes the place of a warning")
		assert.Len(t, inc.Related, MaxRelated)
		assert.Equal(t, "severe", inc.Related[MaxRelated-1].ID)
		assert.Equal(t, "0", inc.Related[0].ID)
	})
}

// TestLinksComeInBursts: a report that is on disk is written once for all links that come within a second.
func TestLinksComeInBursts(t *testing.T) {
	inc := struck("a", "shop", t0)
	inc.FileWritten(inc.Clone())
	require.True(t, inc.Relate(struck("b", "shop", t0), DefaultPolicy(), t0.Add(time.Minute)))
	require.True(t, inc.Relate(struck("c", "shop", t0), DefaultPolicy(), t0.Add(time.Minute+linkDelay/2)))
	assert.Equal(t, t0.Add(time.Minute+linkMaxDelay), inc.Due[WorkFile], "with the evidence that is on its way")
	inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0.Add(2*time.Minute))
	assert.Equal(t, t0.Add(2*time.Minute), inc.Due[WorkFile])
	inc.FileWritten(inc.Clone())
	require.True(t, inc.Relate(struck("d", "shop", t0), DefaultPolicy(), t0.Add(3*time.Minute)))
	require.True(t, inc.Relate(struck("e", "shop", t0), DefaultPolicy(), t0.Add(3*time.Minute+linkDelay/2)))
	assert.Equal(t, t0.Add(3*time.Minute+linkDelay), inc.Due[WorkFile])
}
