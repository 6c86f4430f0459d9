package notify

import (
	"cmp"
	"maps"
	"slices"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
)

// message says what an incident is about, without secrets: it leaves the machine.
func (n *Notifier) message(c *Channel, p plan, inc *incident.Incident, found incident.Findings) *channel.Message {
	clean := n.opts.Redactor.Session().Text
	common := commonLabels(inc)
	m := &channel.Message{
		ID: messageID(inc.ID, p), Event: p.event, Incident: inc.ID, Alertname: clean(inc.Alertname), Severity: inc.Severity, Status: inc.Status,
		Labels: cleaned(common, clean), Group: cleaned(inc.GroupLabels, clean), Firing: inc.FiringCount(),
		ReportURL: n.opts.Link(inc.ID), Cost: inc.Spend.Cost, StartedAt: inc.StartedAt, ResolvedAt: inc.ResolvedAt, Language: c.Language,
	}
	delete(m.Labels, "alertname")
	delete(m.Labels, "severity")
	m.Summary = clean(summary(inc, found))
	if v := found.Verdict; v != nil && len(v.Causes) > 0 {
		m.Cause, m.Likelihood, m.CauseMark = clean(v.Causes[0].Hypothesis), v.Causes[0].Likelihood, mark(v.Causes[0].Marks)
	}
	if v := found.Verdict; v != nil && len(v.Actions) > 0 {
		m.Action, m.ActionMark = clean(v.Actions[0].Step), mark(v.Actions[0].Marks)
	}
	switch a := inc.Analysis; {
	case a.State == incident.EvidenceOnly:
		m.NoAnalysis = a.Reason
	case a.State == incident.Pending && p.event == channel.Analyzed:
		m.NoAnalysis = channel.PendingAnalysis
	}
	return m
}

// summary is the verdict's, or else what the alert's own signal or the alert itself says.
func summary(inc *incident.Incident, found incident.Findings) string {
	if v := found.Verdict; v != nil && v.Summary != "" {
		return v.Summary
	}
	annotation := ""
	for _, a := range append(inc.Firing(), inc.Alerts...) {
		if annotation = cmp.Or(a.Annotations["summary"], a.Annotations["message"], a.Annotations["description"]); annotation != "" {
			break
		}
	}
	i := slices.IndexFunc(found.Evidence, func(e incident.Evidence) bool {
		return e.Kind == incident.KindSignal && !e.Failed && !e.Earlier
	})
	if i < 0 {
		return annotation
	}
	if annotation == "" {
		return found.Evidence[i].Summary
	}
	return annotation + " · " + found.Evidence[i].Summary
}

func mark(marks []incident.Mark) channel.Mark {
	foreign := slices.ContainsFunc(marks, func(m incident.Mark) bool { return m.Kind == incident.MarkFromAlertText })
	switch {
	case foreign:
		return channel.ForeignText
	case len(marks) > 0:
		return channel.Marked
	}
	return channel.Unmarked
}

// cleaned returns labels without secrets; a label whose name says that it is one is judged with its name.
func cleaned(set map[string]string, clean func(string) string) map[string]string {
	out := maps.Clone(set)
	if out == nil {
		out = map[string]string{}
	}
	for name, value := range out {
		if line := clean(name + "=" + value); line != name+"="+value {
			out[name] = clean(value)
			if out[name] == value {
				out[name] = "[REDACTED]"
			}
		}
	}
	return out
}

// commonLabels returns the labels that all alerts that fire, or else all, share with the same value.
func commonLabels(inc *incident.Incident) map[string]string {
	alerts := inc.Firing()
	if len(alerts) == 0 {
		alerts = inc.Alerts
	}
	common := map[string]string{}
	for i, a := range alerts {
		if i == 0 {
			maps.Copy(common, a.Labels)
		}
		maps.DeleteFunc(common, func(name, value string) bool { return a.Labels[name] != value })
	}
	return common
}
