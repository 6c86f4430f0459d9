package promapi

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func matrixBody(result string) string {
	return `{"status":"success","data":{"resultType":"matrix","result":[` + result + `]}}`
}

// slowly decodes as Prometheus' own client does.
func slowly(body string) (model.Matrix, error) {
	var answer struct {
		Data struct {
			Result model.Matrix `json:"result"`
		} `json:"data"`
	}
	err := json.Unmarshal([]byte(body), &answer)
	return answer.Data.Result, err
}

// same compares matrices whose values may be NaN.
func assertSame(t *testing.T, want, got model.Matrix) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		assert.Equal(t, want[i].Metric, got[i].Metric)
		require.Len(t, got[i].Values, len(want[i].Values))
		for k, w := range want[i].Values {
			g := got[i].Values[k]
			assert.Equal(t, w.Timestamp, g.Timestamp)
			if !math.IsNaN(float64(w.Value)) {
				assert.Equal(t, math.Float64bits(float64(w.Value)), math.Float64bits(float64(g.Value)))
			} else {
				assert.True(t, math.IsNaN(float64(g.Value)), "%v", g)
			}
		}
	}
}

// TestParseMatrix: what is decoded here is what Prometheus' own client makes of it.
func TestParseMatrix(t *testing.T) {
	for name, body := range map[string]string{
		"empty":           matrixBody(``),
		"one":             matrixBody(`{"metric":{"__name__":"up","job":"a"},"values":[[1435781430.781,"1"],[1435781445.781,"0"]]}`),
		"two":             matrixBody(`{"metric":{},"values":[[1435781430,"1"]]},{"metric":{"a":"b"},"values":[[1435781430.5,"2.5"]]}`),
		"odd numbers":     matrixBody(`{"metric":{},"values":[[0,"NaN"],[1,"+Inf"],[2,"-Inf"],[3,"1e-300"],[4,"-0"],[5,"123456789012345678"]]}`),
		"times":           matrixBody(`{"metric":{},"values":[[-1.5,"1"],[0.001,"1"],[0.05,"1"],[9999999999.999,"1"]]}`),
		"escapes":         matrixBody(`{"metric":{"a":"x\"y\\z\n\u00e9\ud83d\ude00","ключ":"значение"},"values":[[1,"1"]]}`),
		"no values":       matrixBody(`{"metric":{"a":"b"},"values":[]}`),
		"with warnings":   strings.TrimSuffix(matrixBody(`{"metric":{},"values":[[1,"1"]]}`), "}") + `,"warnings":["PromQL warning"],"infos":["x"]}`,
		"newline behind":  matrixBody(`{"metric":{},"values":[[1,"1"]]}`) + "\n",
		"braces in value": matrixBody(`{"metric":{"a":"}]}"},"values":[[1,"1"]]}`),
	} {
		t.Run(name, func(t *testing.T) {
			got, _, ok := parseMatrix([]byte(body))
			require.True(t, ok)
			want, err := slowly(body)
			require.NoError(t, err)
			assertSame(t, want, got)
		})
	}
}

// TestParseMatrixLeaves what is of another form to Prometheus' own client, which knows all of them and says what is wrong.
func TestParseMatrixLeaves(t *testing.T) {
	whole := matrixBody(`{"metric":{"a":"b"},"values":[[1,"1"],[2,"3"]]}`)
	for i := range len(whole) {
		_, _, ok := parseMatrix([]byte(whole[:i]))
		assert.False(t, ok, "cut after %d bytes", i)
	}
	for name, body := range map[string]string{
		"vector":          `{"status":"success","data":{"resultType":"vector","result":[]}}`,
		"error":           `{"status":"error","errorType":"bad_data","error":"x"}`,
		"histograms":      matrixBody(`{"metric":{},"histograms":[[1,{"count":"1"}]]}`),
		"both":            matrixBody(`{"metric":{},"values":[[1,"1"]],"histograms":[]}`),
		"blanks":          matrixBody(`{"metric": {}, "values": []}`),
		"number as such":  matrixBody(`{"metric":{},"values":[[1,1]]}`),
		"no number":       matrixBody(`{"metric":{},"values":[[1,"one"]]}`),
		"exponent":        matrixBody(`{"metric":{},"values":[[1e3,"1"]]}`),
		"four decimals":   matrixBody(`{"metric":{},"values":[[1.2345,"1"]]}`),
		"no decimals":     matrixBody(`{"metric":{},"values":[[1.,"1"]]}`),
		"label twice":     matrixBody(`{"metric":{"a":"1","a":"2"},"values":[]}`),
		"bad escape":      matrixBody(`{"metric":{"a":"\x"},"values":[]}`),
		"more behind":     matrixBody(``) + `{}`,
		"broken warnings": strings.TrimSuffix(matrixBody(``), "}") + `,"warnings":[}`,
		"no separator":    matrixBody(`{"metric":{},"values":[[1,"1"][2,"1"]]}`),
		"huge time":       matrixBody(`{"metric":{},"values":[[99999999999999999,"1"]]}`),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, ok := parseMatrix([]byte(body))
			assert.False(t, ok)
		})
	}
}

// TestRangeOfAnyForm: a range query answers the same whoever decodes it.
func TestRangeOfAnyForm(t *testing.T) {
	for name, body := range map[string]string{
		"usual":       matrixBody(`{"metric":{"job":"a"},"values":[[1435781430,"1"]]}`),
		"with blanks": `{ "status": "success", "data": { "resultType": "matrix", "result": [ {"metric": {"job": "a"}, "values": [ [1435781430, "1"] ] } ] } }`,
	} {
		t.Run(name, func(t *testing.T) {
			q := NewQuerier(clientOf(t, answering(body)), NewBudget(1, 1), nil)
			at := model.Time(1435781430000).Time()
			m, err := q.Range(t.Context(), "up", at, at, 1)
			require.NoError(t, err)
			require.Len(t, m, 1)
			assert.Equal(t, model.Metric{"job": "a"}, m[0].Metric)
			assert.Equal(t, []model.SamplePair{{Timestamp: 1435781430000, Value: 1}}, m[0].Values)
		})
	}
}

func FuzzParseMatrix(f *testing.F) {
	f.Add([]byte(matrixBody(`{"metric":{"a":"b\n"},"values":[[1.5,"1"],[2,"NaN"]]}`)))
	f.Add([]byte(matrixBody(`{"metric":{},"values":[]},{"metric":{"a":"b"},"values":[[1,"1"]]}`) + "\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, _, ok := parseMatrix(body)
		if !ok {
			return
		}
		want, err := slowly(string(body))
		require.NoError(t, err, "%q", body)
		assertSame(t, want, got)
	})
}

func BenchmarkMatrix(b *testing.B) {
	var s strings.Builder
	for i := range 1000 {
		if i > 0 {
			s.WriteByte(',')
		}
		fmt.Fprintf(&s, `{"metric":{"instance":"host-%05d.example.com:9100","job":"node"},"values":[`, i)
		for k := range 30 {
			if k > 0 {
				s.WriteByte(',')
			}
			fmt.Fprintf(&s, `[%d,"%.6g"]`, 1700000000+k*600, 100+float64(i*k%77)/7)
		}
		s.WriteString(`]}`)
	}
	body := []byte(matrixBody(s.String()))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := parseMatrix(body); !ok {
			b.Fatal("not decoded")
		}
	}
}
