// Package watch runs detection rules: it asks Prometheus for their expressions, judges each series by package detect, and
// hands what fires to a [Notifier].
//
//	groups, err := watch.Load([]string{"detect/*.yml"})
//	…
//	w, err := watch.New(watch.Options{Groups: groups, Prometheus: client, Notifier: alertmanagers, State: store})
//	…
//	err = w.Run(ctx)
//
// # Rules
//
// A rule file is Prometheus' with one block more: groups with an interval, rules with alert, expr, for, keep_firing_for,
// labels and annotations, and `anomaly`, which says how rarely an alert may be false. A rule has no threshold; its band is
// in the annotations, as $expected, $lower and $upper beside $value.
//
// # A rule's life
//
// At its start the history is read in chunks, at ten minutes; the last hour, or the last sixty intervals, is evaluated as if
// it were now. A series that appears later has its history read then. After that a group is evaluated at the same second of each interval, one evaluation after the other: one that
// takes too long makes the next be missed, never queue. What was missed, for whatever reason, is read as a range and evaluated
// in its order, so that a series is judged by the same samples in any case. While a query fails, alerts stay as they are.
//
// # State
//
// What is known of a series is saved when its alert changes, before anybody is told, and every six hours. A start goes on
// from what was saved: it evaluates what has been since, so that an alert neither resolves nor starts anew.
// Nothing of it decides what an alert is called: labels are those of the series and of the rule, so that several copies send
// alerts with the same fingerprints, and Alertmanager takes them for one.
//
// # Points
//
// A rule with a source takes the points of a queue in place of Prometheus' answers: a [Stream] judges those of one part of it, by
// their own times, and stores what becomes of them with the place where reading goes on, in one transaction. What is stored is a
// journal of points and the series, which are saved in turn: whoever opens the stream next comes to the same as if it had never been
// closed. A threshold is enough for such a rule; with an anomaly block it learns from its first point on.
//
// # Bounds
//
// A rule judges at most max_series series and has at most max_alerts alerts: beyond, one alert with the name of the rule and
// "Widespread" says how many there are. A series without samples for adapt_after is forgotten.
package watch
