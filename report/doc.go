// Package report renders incident reports: a Markdown file with charts, and the same text as HTML for the web pages.
//
//	w, err := report.New(report.Options{Dir: "reports", Language: "en", Version: version})
//	err = w.Write(ctx, inc, findings)                // file and charts on disk, atomically, at inc.ReportPath
//	md := w.Markdown(inc, findings, inc.ID)          // the same for /reports/ID, charts under ID/
//	page, err := w.HTML(md)                          // sanitized, without the front matter
//	svg, ok := w.Chart(findings, "E2.svg")
//
// Everything but the fixed words is hostile: labels and annotations, what the model wrote, metric names, URLs. Three
// rules keep it harmless wherever the file is opened, not only in our own pages:
//
//   - text is one line, its Markdown escaped; what a reader might turn into a link or a mention is shown as code; queries, commands
//     and lines of logs stand in code blocks that nothing in them can end;
//   - links are collected, checked and written as reference definitions at the end: http and https, and reports of our own;
//   - images are our own charts, by relative names that are never taken from a text.
//
// All functions of a [Writer] may be called concurrently.
package report
