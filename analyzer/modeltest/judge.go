package modeltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Plausible answers with what was asked for: a verdict, or a judgment of metrics.
func Plausible() Reply {
	return func(w http.ResponseWriter, r *http.Request, asked Request) {
		reply := Verdict()
		if strings.Contains(asked.Prompt(), `"has_anomaly"`) {
			reply = Judgment()
		}
		reply(w, r, asked)
	}
}

// Judgment answers a question about a batch of metrics: it names those whose score is half of what an alert takes, or more.
func Judgment() Reply {
	return func(w http.ResponseWriter, _ *http.Request, asked Request) {
		complete(w, asked, PlausibleJudgment(asked), "stop")
	}
}

var judgedMetric = regexp.MustCompile(`(?m)^(M\d+) .*, score (\d+\.\d+)`)

// PlausibleJudgment returns the JSON of a judgment that fits the prompt.
func PlausibleJudgment(asked Request) string {
	type anomaly struct {
		Metric   string `json:"metric"`
		Severity string `json:"severity"`
		Reason   string `json:"reason"`
	}
	found := []anomaly{}
	for _, m := range judgedMetric.FindAllStringSubmatch(asked.User(), -1) {
		if score, err := strconv.ParseFloat(m[2], 64); err == nil && score >= .5 && len(found) < 10 {
			found = append(found, anomaly{m[1], "warning", "It is further from what was expected than its peers."})
		}
	}
	judgment, err := json.Marshal(map[string]any{"has_anomaly": len(found) > 0, "anomalies": found, "summary": "The other metrics are as usual."})
	if err != nil {
		panic(fmt.Sprintf("a judgment of constants: %v", err)) // strings and booleans always encode
	}
	return string(judgment)
}
