package evidence

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

// shape is a form of expression over the metrics aX and bX, X being the case.
type shape struct {
	expr  string
	gauge bool // they are gauges, else counters with _total
}

var shapes = map[string]shape{
	"sum":                 {expr: `sum(rate(aX_total[5m])) > 1`},
	"sum of gauges":       {expr: `sum(aX) > 1`, gauge: true},
	"ratio":               {expr: `sum(rate(aX_total[5m])) / sum(rate(bX_total[5m])) > 0.001`},
	"percent":             {expr: `100 * sum(rate(aX_total[5m])) / sum(rate(bX_total[5m])) > 0.001`},
	"of both":             {expr: `sum(rate(aX_total[5m])) / (sum(rate(aX_total[5m])) + sum(rate(bX_total[5m]))) > 0.001`},
	"difference":          {expr: `(sum(rate(bX_total[5m])) - sum(rate(aX_total[5m]))) / sum(rate(bX_total[5m])) < 1`},
	"one less":            {expr: `1 - sum(rate(aX_total[5m])) / sum(rate(bX_total[5m])) < 1`},
	"bounded":             {expr: `sum(rate(aX_total[5m])) / clamp_min(sum(rate(bX_total[5m])), 1) > 0.001`},
	"filtered":            {expr: `sum(rate(aX_total[5m])) / (sum(rate(bX_total[5m])) > 0) > 0.001`},
	"average":             {expr: `avg(aX) > 1`, gauge: true},
	"average by average":  {expr: `avg(aX) / avg(bX) > 0.001`, gauge: true},
	"sum by highest":      {expr: `sum(aX) / max(bX) > 0.001`, gauge: true},
	"count of those over": {expr: `count(aX > 1000) > 0`, gauge: true},
	"sum of those over":   {expr: `sum(aX > 1000)`, gauge: true},
	"guarded":             {expr: `sum(rate(bX_total[5m])) > 0 and sum(rate(aX_total[5m])) / sum(rate(bX_total[5m])) > 0.001`},
	"away from an hour":   {expr: `abs(sum(aX) / sum(aX offset 1h) - 1) > 0.01`, gauge: true},
	"highest of sums":     {expr: `max(sum by (shard) (aX)) > 1`, gauge: true},
}

// plantedCase is a culprit in the data of an expression.
type plantedCase struct {
	name, expr string
	culprit    map[string]string
}

// plantCase records twelve parts of very different size and standing ratio, all of them noisy, of which one goes wrong.
func plantCase(r *recording, random *rand.Rand, id string, gauge bool) (culprit map[string]string) {
	one := random.IntN(12)
	for at := range 12 {
		labels := fmt.Sprintf(`{shard="s%d",instance="i%d"}`, at/4, at%4)
		size, share, phase := math.Exp(random.Float64()*3), .02+.03*random.Float64(), random.Float64()*100
		noisy := func(usual, wrong float64) func(second float64) float64 {
			return func(second float64) float64 {
				level := usual
				if at == one && second >= 9300 {
					level = wrong
				}
				return level * (1 + .04*math.Sin(second/71+phase) + .03*math.Sin(second/29+phase*phase))
			}
		}
		if gauge {
			r.add("a"+id+labels, noisy(10*size, 3000)).add("b"+id+labels, noisy(400, 400))
		} else {
			r.counter("a"+id+"_total"+labels, noisy(20*size*share, 400+20*size)).counter("b"+id+"_total"+labels, noisy(20*size, 20*size))
		}
	}
	return map[string]string{"shard": fmt.Sprint("s", one/4), "instance": fmt.Sprint("i", one%4)}
}

// TestPlantedAtRandom plants culprits in each shape of expression: nobody else is named, and nearly all are by both labels.
func TestPlantedAtRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := record(3*time.Hour, 30*time.Second).add(`up{job="planted"}`, func(float64) float64 { return 1 })
	var list []plantedCase
	for name, s := range shapes {
		for i := range 3 {
			id := fmt.Sprint(strings.ReplaceAll(name, " ", "_"), i)
			list = append(list, plantedCase{name, strings.ReplaceAll(s.expr, "X", id), plantCase(r, random, id, s.gauge)})
		}
	}
	p := r.serve(t, "")
	named := 0
	for _, c := range list {
		found := map[string]string{}
		items := collectorAt(t, p.URL, r.end()).Collect(t.Context(), firingIncident(r.at(9600), c.expr, "alertname=X"), nil).Items
		for _, item := range ofKind(items, incident.KindDrilldown) {
			if len(item.Ranking) == 0 {
				continue
			}
			for label, value := range item.Ranking[0].Labels {
				found[label] = value
				if strings.Contains(item.Summary, label+`="`) {
					assert.Equal(t, c.culprit[label], value, "%s: %s: %s", c.name, c.expr, item.Summary)
				}
			}
		}
		if maps.Equal(found, c.culprit) {
			named++
		} else {
			t.Logf("%s: found %v of %v", c.name, found, c.culprit)
		}
	}
	t.Logf("%d of %d culprits named by both labels", named, len(list))
	assert.GreaterOrEqual(t, named*10, len(list)*9)
}
