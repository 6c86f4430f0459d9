package bench

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"text/tabwriter"
	"time"
)

// Options say what a bench runs over.
type Options struct {
	Data   string    // folder with nab and cloud-monitoring, each as its authors keep it; empty is generated series alone
	Seed   uint64    // of the generated series
	N      int       // generated series of each kind
	Starts io.Writer // gets a line "set,file,unix-time" for each alert that the shipped default starts; nil is none
}

// promised is the shipped default: one false alarm in 14 days.
const promised = 1. / 14

// Print runs everything and prints the tables.
func Print(w io.Writer, o Options) error {
	if o.Data != "" {
		if err := printSets(w, o); err != nil {
			return err
		}
	}
	printPromises(w, o)
	printDelays(w, o)
	return nil
}

// Load reads the sets that a folder has.
func Load(dir string) (nab, cloud []*Series, err error) {
	if nab, err = LoadNAB(filepath.Join(dir, NAB)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if cloud, err = LoadCloudMonitoring(filepath.Join(dir, CloudMonitoring)); err != nil {
		return nil, nil, err
	}
	if len(nab)+len(cloud) == 0 {
		return nil, nil, fmt.Errorf("%s has neither %s/labels/combined_windows.json nor %s/data/*/*.csv", dir, NAB, CloudMonitoring)
	}
	return nab, cloud, nil
}

func printSets(w io.Writer, o Options) error {
	nab, cloud, err := Load(o.Data)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Labeled series: %d of NAB, %d of cloud-monitoring. Only starts of alerts count; an alert ends after %v of quiet, of cloud-monitoring after %v.\n", len(nab), len(cloud), Quiet, quietCloud)
	fmt.Fprint(w, "fitted: the threshold that is best for the even files, on the odd ones, and the reverse; the mean of both.\n"+
		"default: as shipped, nothing fitted. false/day: false alarms per series and healthy day.\n\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tNAB\tNAB\tNAB\tNAB\tNAB\tAWS\tAWS\tcloud\tcloud\tcloud\tcloud\tcloud\t")
	fmt.Fprintln(table, "method\tfitted\tdefault\trecall\tprecision\tfalse/day\tF1\tfalse\tF1 best\tF1 fitted\tF1\trecall\tfalse/day\t")
	for _, m := range Methods {
		a, b := Run(m, nab, time.UTC), Run(m, cloud, time.UTC)
		n, c := Evaluate(nab, a, 1), Evaluate(cloud, b, 1)
		part, scores := Part(nab, a, "realAWSCloudwatch/")
		aws := Evaluate(part, scores, 1)
		best := Evaluate(cloud, b, Best(cloud, b, (*Tally).F1))
		fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%.2f\t%.2f\t%.3f\t%.2f\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.3f\t\n", m.Name,
			Fitted(nab, a, (*Tally).NAB), n.NAB(), n.Recall(), n.Precision(), n.FalsePerDay(), aws.F1(), aws.False,
			best.F1(), Fitted(cloud, b, (*Tally).F1), c.F1(), c.Recall(), c.FalsePerDay())
		if m.Name == Ours.Name && o.Starts != nil {
			if err := errors.Join(writeStarts(o.Starts, nab, a), writeStarts(o.Starts, cloud, b)); err != nil {
				return fmt.Errorf("writing the starts of alerts: %w", err)
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nPromised: %.3f false alarms per series and day.\n", promised)
	return nil
}

func writeStarts(w io.Writer, all []*Series, scores [][]float64) error {
	for i, s := range all {
		for _, k := range Starts(s, scores[i], 1) {
			if _, err := fmt.Fprintf(w, "%s,%s,%d\n", s.Set, s.File, s.Times[k].Unix()); err != nil {
				return err
			}
		}
	}
	return nil
}

// grid is what the generated series are sampled at.
var grid = []struct {
	step, length time.Duration
	share        int // of the series, as longer ones take longer
}{
	{time.Minute, 28 * 24 * time.Hour, 4},
	{5 * time.Minute, 28 * 24 * time.Hour, 1},
	{time.Hour, 56 * 24 * time.Hour, 1},
}

func printPromises(w io.Writer, o Options) {
	fmt.Fprintf(w, "\nHealthy generated series, seed %d: false alarms as a factor of what is promised.\n\n", o.Seed)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "interval\t")
	for _, kind := range Kinds() {
		fmt.Fprintf(table, "%s\t", kind)
	}
	fmt.Fprintln(table, "all\t")
	var of [3][]Promise
	for i, g := range grid {
		of[i] = Promises(Ours, promised, o.Seed, max(1, o.N/g.share), g.step, g.length)
		fmt.Fprintf(table, "%v\t", g.step)
		printFactors(table, of[i])
	}
	sum := make([]Promise, len(of[0]))
	for k := range sum {
		sum[k] = Promise{Promise: promised}
		for i := range of {
			sum[k].Alarms += of[i][k].Alarms
			sum[k].Days += of[i][k].Days
		}
	}
	fmt.Fprint(table, "all\t")
	printFactors(table, sum)
	table.Flush()
}

func printFactors(w io.Writer, ps []Promise) {
	all := Promise{Promise: promised}
	for _, p := range ps {
		fmt.Fprintf(w, "%.2f\t", p.Factor())
		all.Alarms += p.Alarms
		all.Days += p.Days
	}
	fmt.Fprintf(w, "%.2f\t\n", all.Factor())
}

func printDelays(w io.Writer, o Options) {
	const step, at, hold = time.Minute, 5 * 24 * time.Hour, 5 * time.Minute
	fmt.Fprintf(w, "\nFaults on the day after %v, an alert with \"for: %v\", %v between samples: share that fires within \"for\" and 2 intervals.\n\n", at, hold, step)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "fault\t")
	for _, kind := range DelayKinds {
		fmt.Fprintf(table, "%s\t", kind)
	}
	fmt.Fprintln(table, "all\t")
	for _, f := range Faults {
		fmt.Fprintf(table, "%s\t", f.Name)
		var all []int
		for _, kind := range DelayKinds {
			d := Delays(f, kind, o.Seed, o.N, step, at, hold)
			fmt.Fprintf(table, "%.2f\t", Within(d, 2))
			all = append(all, d...)
		}
		fmt.Fprintf(table, "%.2f\t\n", Within(all, 2))
	}
	table.Flush()
}
