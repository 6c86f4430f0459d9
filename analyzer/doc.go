// Package analyzer asks a language model to explain an incident:
//
//	a, err := analyzer.New(analyzer.Options{Model: "deepseek-flash", Key: key, Ledger: store, Verify: true, Refuter: collector})
//	findings.Verdict, err = a.Draft(ctx, inc, findings)  // err is an *incident.Failure
//	verdict, added, err := a.Verify(ctx, inc, findings)  // if the draft has no Verification yet
//
// # Calls
//
// A draft takes one call, and two more at most if answers are unreadable. Verification takes one more, which repeats the first call's
// messages to the byte, so that the provider has them in its cache, and adds the draft and the counter-evidence. Each call is
// bounded in time and size, and its highest cost is reserved in the Ledger before it is made.
//
// Draft itself never retries. Its error says what kind of failure it was; without a request it fails at once while the breaker is
// open, the provider has asked us to wait, or a budget is used up. RetryPermission says which refused incidents may retry.
//
// # What goes out and what comes in
//
// All that is sent is redacted. Alerts, evidence and past incidents go as delimited data behind fixed instructions (prompt.md).
// What comes back is untrusted: bounded, normalized, and compared with the evidence by package factcheck. Failed fact checks are
// marked and lower confidence; nothing is dropped. The verdict is the last whole JSON object outside of thoughts, quotations and
// examples; its syntax is read with tolerance (package loosejson). Where it can't be told which one that is, there is none.
package analyzer
