// Package quality is the evaluation suite: incidents with known causes, each with evidence that the real collector found in a
// real Prometheus and with answers of a model, replayed through the real analyzer or asked of the live model. It holds tests
// alone, their data are in testdata/quality. docs/quality.md says how to read the figures and what they do not show.
//
//	go test ./analyzer/quality -run TestSuite -count=1 -v        # replay: seconds, no key, no Prometheus
//	go test ./analyzer/quality -run TestSuite -live -runs 5 -v   # the live model: DEEPSEEK_API_KEY, LLM_BASE_URL, LLM_MODEL
//	go test ./analyzer/quality -run TestSuite -prompts DIR       # what the model is asked, a file for each call
package quality
