// Package analyzer has a large language model explain an incident. It holds the prompt, the client of the model, the
// reading and checking of verdicts, the verification round, prices, the breaker and the budget:
//
//	a, err := analyzer.New(analyzer.Options{BaseURL: "https://api.deepseek.com", Model: "deepseek-flash", Key: key, …})
//	findings.Verdict, err = a.Draft(ctx, inc, findings)    // err is an *incident.Failure
//	verdict, looked, err := a.Verify(ctx, inc, findings)   // where the draft has no Verification yet
//
// A draft is one call of the model, or two when the first answer could not be read and was asked for again; its
// verification is one more, which begins with the same messages. All that is sent is redacted; alerts, evidence and memory
// go as delimited data behind fixed instructions (prompt.md). What comes back is untrusted: bounded, normalised, and
// checked by code against the evidence it cites: ids, numbers with their units, times, names, directions, and whether words,
// links and commands come from the text of the alerts alone. What does not hold is marked and costs confidence; nothing is
// dropped.
//
// Draft itself never retries. It says what kind of failure it was, and refuses at once, without a request, while the
// breaker is open, the provider has asked us to wait, or a budget is used up. Permit tells when refused incidents have a
// chance again.
package analyzer
