// Package analyzer has a large language model explain an incident. It holds the prompt, the client of the model, the
// reading and checking of verdicts, the breaker and the cap on calls:
//
//	a, err := analyzer.New(analyzer.Options{BaseURL: "https://api.deepseek.com", Model: "deepseek-flash", Key: key, …})
//	verdict, err := a.Analyze(ctx, inc, evidence) // err is an *incident.Failure
//
// One analysis is one call of the model, or two when the first answer could not be read and was asked for again. All
// that is sent is redacted; the alerts and the evidence go as delimited data behind fixed instructions (prompt.md).
// What comes back is untrusted: bounded, normalised, and checked by code against the evidence it cites: ids, numbers
// with their units, times, names, directions. What does not hold is marked and costs confidence; nothing is dropped.
//
// Analyze itself never retries. It says what kind of failure it was, and refuses at once, without a request, while the
// breaker is open, the provider has asked us to wait, or the cap is reached. Permit tells when refused incidents have a
// chance again.
package analyzer
