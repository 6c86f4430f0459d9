// Package factcheck compares what a verdict says with what the model was shown, by code and without a model:
//
//	factcheck.Check(verdict, factcheck.Input{Incident: inc, Alerts: shown, Evidence: evidence})
//
// Check puts marks beside each cause, each action and the rest of the verdict, and gives each cause a confidence. It neither
// changes nor drops anything that the model said, and it never fails.
//
// # What is looked up
//
// Of a cause: that it cites evidence, that the evidence exists, could be looked up and was shown; that each number, time and
// date stands in the evidence it cites or in the alerts; that each name stands in some evidence or alert; and that what it
// says to rise does not fall. The summary and the reasons of actions cite nothing by themselves: their numbers may stand
// anywhere. The steps and commands of an action prescribe, so only addresses and other unmistakable names are looked up there.
//
// # Where it comes from
//
// In all of them, and in an answer in prose, a statement, an address or a command is marked that comes from text that strangers
// may have written alone: labels and annotations with their names, receiver, group key, URLs and the strings of expressions, label
// values and lines within the evidence, past hypotheses, and feedback that came without a token. Both sides are folded (case,
// full-width letters, letters of other scripts that look like ours, what does not show) and decoded (base64, hexadecimal digits,
// escapes, text turned around). Commands are then compared by the words of a shell, statements by the words and pairs of characters
// that neither our own evidence nor plain speech has, addresses by the host, package or image that they lead to.
// A runbook is the operator's, a name of what is monitored is nobody's, and what only reads is plain.
//
// # How a text is read
//
// A claimParser divides a text into claims: quantities with their units, timestamps, names, and ids of evidence (English and
// Chinese). The same parser reads the alerts and the evidence into facts; a nameIndex holds all of their text. A claim holds if a
// fact equals it within the claim's own rounding, in a unit that both may have, or if two facts that belong together give it as
// a ratio or a difference. In doubt nothing is marked, except that a number which the model has computed itself can be marked
// although it is right.
//
// All work is bounded by the length of what is read: a hostile text costs no more than an honest one of its size.
package factcheck
