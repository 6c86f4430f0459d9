// Package quality holds the suite that says how good the analyses are: scenarios whose cause is known, each with what
// the real collector found in a real Prometheus and with answers of the model, replayed through the real analyzer, or
// asked of the live model. All of it is tests and their data in testdata/quality; docs/quality.md tells how to read
// the figures and what they do not show.
//
//	go test ./analyzer/quality -run TestSuite -count=1 -v        # replay: seconds, no key, no Prometheus
//	go test ./analyzer/quality -run TestSuite -live -runs 5 -v   # the live model, as DEEPSEEK_API_KEY, LLM_BASE_URL and LLM_MODEL say
package quality
