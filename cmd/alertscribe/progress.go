package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/alertscribe/alertscribe/text"
)

// progress tells a person how long work is getting on: one line a step, and on a terminal the seconds as they pass.
type progress struct {
	out      io.Writer
	terminal bool

	what  string
	begun time.Time
	stop  chan struct{}
	ended sync.WaitGroup
}

func newProgress(out io.Writer) *progress {
	f, ok := out.(*os.File)
	return &progress{out: out, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (p *progress) start(what string) {
	p.what, p.begun = what, time.Now()
	if !p.terminal {
		fmt.Fprintf(p.out, "%s …\n", what)
		return
	}
	p.stop = make(chan struct{})
	p.ended.Go(func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			fmt.Fprintf(p.out, "\r%s … %.1f s", p.what, time.Since(p.begun).Seconds())
			select {
			case <-p.stop:
				return
			case <-ticker.C:
			}
		}
	})
}

func (p *progress) done(result string)   { p.end("done", result) }
func (p *progress) failed(reason string) { p.end("failed", reason) }

func (p *progress) end(how, result string) {
	const clearLine = "\r\x1b[K"
	start := ""
	if p.terminal {
		close(p.stop)
		p.ended.Wait()
		start = clearLine
	}
	fmt.Fprintf(p.out, "%s%s: %s after %.1f s: %s\n", start, p.what, how, time.Since(p.begun).Seconds(), text.OneLine(result))
}
