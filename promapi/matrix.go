package promapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/api"
	"github.com/prometheus/common/model"
)

// answerReader is a client that notes what is said beside the data, and decodes matrices itself, without reflection and by one pass
// over the answer: Prometheus' own client takes ten times as long, which is felt where a start reads millions of samples. What is not
// exactly of the usual form is left to that client.
type answerReader struct{ api.Client }

// emptyMatrix is what Prometheus' own client gets to decode when the matrix is decoded already.
var emptyMatrix = []byte(`{"status":"success","data":{"resultType":"matrix","result":[]}}`)

// Do implements api.Client.
func (r answerReader) Do(ctx context.Context, req *http.Request) (*http.Response, []byte, error) {
	resp, body, err := r.Client.Do(ctx, req) //nolint:bodyclose // the client has read and closed it
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, body, err
	}
	into := answerOf(ctx)
	if into.matrix != nil {
		if m, e, ok := parseMatrix(body); ok {
			*into.matrix, into.reasons = m, e.reasons()
			return resp, emptyMatrix, nil
		}
	}
	into.note(body)
	return resp, body, nil
}

// parseMatrix decodes the answer to a range query that succeeded and holds floats; false for any other.
func parseMatrix(body []byte) (model.Matrix, envelope, bool) {
	p := &matrixParser{rest: body}
	p.begins()
	// One sample takes some thirty bytes: their number is known well enough to allocate once.
	p.samples = make([]model.SamplePair, 0, len(body)/26)
	m := model.Matrix{}
	for !p.failed && !p.is(']') {
		if len(m) > 0 {
			p.expect(`,`)
		}
		m = append(m, p.series())
	}
	p.expect(`]}`)
	p.ends()
	if p.failed {
		return nil, envelope{}, false
	}
	return m, p.said, true
}

// matrixParser reads what is left of an answer. After a failure all that it returns is of no use.
type matrixParser struct {
	rest    []byte
	samples []model.SamplePair // of all series, behind each other
	said    envelope
	failed  bool
}

func (p *matrixParser) expect(literal string) {
	if p.failed || len(p.rest) < len(literal) || string(p.rest[:len(literal)]) != literal {
		p.failed = true
		return
	}
	p.rest = p.rest[len(literal):]
}

// is reports whether a byte comes next.
func (p *matrixParser) is(c byte) bool { return len(p.rest) > 0 && p.rest[0] == c }

// begins reads what stands before the series; VictoriaMetrics' cluster says there whether the answer is partial.
func (p *matrixParser) begins() {
	p.expect(`{"status":"success",`)
	for _, partial := range []bool{true, false} {
		if rest, ok := bytes.CutPrefix(p.rest, []byte(`"isPartial":`+strconv.FormatBool(partial)+`,`)); ok {
			p.rest, p.said.IsPartial = rest, partial
			break
		}
	}
	p.expect(`"data":{"resultType":"matrix","result":[`)
}

// ends reads what may follow the data: warnings, and notes and statistics, which nobody reads.
func (p *matrixParser) ends() {
	switch {
	case p.failed:
	case p.is(','):
		p.failed = json.Unmarshal(append([]byte(`{"data":0`), p.rest...), &p.said) != nil
	default:
		p.expect(`}`)
		p.failed = p.failed || len(bytes.TrimSpace(p.rest)) > 0
	}
}

func (p *matrixParser) series() *model.SampleStream {
	p.expect(`{"metric":{`)
	s := &model.SampleStream{Metric: model.Metric{}}
	for !p.failed && !p.is('}') {
		if len(s.Metric) > 0 {
			p.expect(`,`)
		}
		name := p.text()
		p.expect(`:`)
		value := p.text()
		if _, twice := s.Metric[model.LabelName(name)]; twice {
			p.failed = true
		}
		s.Metric[model.LabelName(name)] = model.LabelValue(value)
	}
	p.expect(`},"values":[`)
	first := len(p.samples)
	for !p.failed && !p.is(']') {
		if len(p.samples) > first {
			p.expect(`,`)
		}
		p.samples = append(p.samples, p.sample())
	}
	p.expect(`]}`)
	s.Values = p.samples[first:len(p.samples):len(p.samples)]
	return s
}

// text reads a string.
func (p *matrixParser) text() string {
	p.expect(`"`)
	for i, c := range p.rest {
		switch {
		case p.failed:
			return ""
		case c == '"':
			s := string(p.rest[:i])
			p.rest = p.rest[i+1:]
			return s
		case c == '\\' || c < ' ' || c >= 0x80: // the usual names and values have none
			return p.escaped()
		}
	}
	p.failed = true
	return ""
}

// escaped reads a string behind its first quote that is more than letters.
func (p *matrixParser) escaped() (s string) {
	for i := 0; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '\\':
			i++
		case '"':
			quoted := append([]byte{'"'}, p.rest[:i+1]...)
			p.failed = json.Unmarshal(quoted, &s) != nil
			p.rest = p.rest[i+1:]
			return s
		}
	}
	p.failed = true
	return ""
}

// sample reads [seconds,"value"].
func (p *matrixParser) sample() model.SamplePair {
	p.expect(`[`)
	at := p.time()
	p.expect(`,"`)
	end := bytes.IndexByte(p.rest, '"')
	if p.failed || end < 0 {
		p.failed = true
		return model.SamplePair{}
	}
	v, err := strconv.ParseFloat(string(p.rest[:end]), 64)
	if err != nil {
		p.failed = true
	}
	p.rest = p.rest[end:]
	p.expect(`"]`)
	return model.SamplePair{Timestamp: at, Value: model.SampleValue(v)}
}

// time reads seconds with at most three decimals.
func (p *matrixParser) time() model.Time {
	ms, digits, decimals := int64(0), 0, -1
	negative := p.is('-')
	i := 0
	if negative {
		i++
	}
	for ; i < len(p.rest); i++ {
		c := p.rest[i]
		if c == '.' && decimals < 0 && digits > 0 {
			decimals = 0
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		ms = ms*10 + int64(c-'0')
		if digits++; decimals >= 0 {
			decimals++
		}
	}
	p.rest = p.rest[i:]
	if digits == 0 || digits > 16 || decimals == 0 || decimals > 3 {
		p.failed = true
		return 0
	}
	for range 3 - max(decimals, 0) {
		ms *= 10
	}
	if negative {
		ms = -ms
	}
	return model.Time(ms)
}
