package worker

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestOptions(t *testing.T) {
	bubble(t, func(e *env) {
		whole := Options{Store: e.store, Evidence: e, Analyzer: e, Report: e, Policy: policy()}
		for name, lack := range map[string]func(*Options){
			"Store": func(o *Options) { o.Store = nil }, "Evidence": func(o *Options) { o.Evidence = nil },
			"Analyzer": func(o *Options) { o.Analyzer = nil }, "Report": func(o *Options) { o.Report = nil },
			"Policy": func(o *Options) { o.Policy = nil },
		} {
			o := whole
			lack(&o)
			_, err := New(o)
			require.EqualError(t, err, "worker: Options."+name+" is required")
		}
		w, err := New(whole)
		require.NoError(t, err)
		assert.Equal(t, e.store.Lease(), w.lease)
		e.start(w)
		e.done(e.notify("critical", "A"))
	})
}

// TestEveryKindIsDone: a kind of work without a row in the table would never be done.
func TestEveryKindIsDone(t *testing.T) {
	bubble(t, func(e *env) {
		var works []incident.Work
		for _, k := range e.worker().kinds() {
			works = append(works, k.Work)
			assert.True(t, k.Size > 0 && k.Busy > 0 && k.Do != nil && k.Failed != nil, k.Work)
		}
		assert.Equal(t, incident.Works(), works)
	})
}

// TestGivesWay: while reports that were never written queue up, evidence and analyses run one at a time.
func TestGivesWay(t *testing.T) {
	bubble(t, func(e *env) {
		w := e.worker()
		files := newPool(w, w.kinds()[0], nil)
		evidence := newPool(w, w.kinds()[1], []*pool{files})
		assert.Equal(t, 4, evidence.allowed(4))
		files.backlog.Store(w.opts.Now().UnixNano())
		assert.Equal(t, 1, evidence.allowed(4))
		assert.Zero(t, evidence.allowed(3), "one runs")
		assert.Equal(t, 16, files.allowed(16))
		pass(backlogFor)
		assert.Equal(t, 3, evidence.allowed(3), "a backlog that does not move holds nothing up")

		e.notify("critical", "A")
		assert.Equal(t, 1, evidence.allowed(4), "a notification has come")
		assert.Equal(t, 3, files.allowed(16))
		pass(backlogFor)
		assert.Equal(t, 16, files.allowed(16))
	})
}
