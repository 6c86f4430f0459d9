package handler

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

// TestBrowserLayout looks for what a narrow screen breaks, in both languages: Chinese may break after each character.
func TestBrowserLayout(t *testing.T) {
	b := startBrowser(t)
	for _, language := range incident.Languages() {
		e := newEnv(t, func(o *Options) { o.Language = language })
		id := stock(t, e)
		address := e.serve(t)
		for _, path := range []string{"/reports", "/reports/" + id} {
			tb := b.open(t, address+path)
			tb.live()
			tb.do(chromedp.Evaluate(`document.querySelectorAll("details").forEach((d) => d.open = true)`, nil))
			for _, width := range []int64{320, 390, 800, 1280} {
				tb.do(chromedp.EmulateViewport(width, 844))
				tb.until(fmt.Sprintf(`innerWidth === %d`, width))
				for what, found := range map[string]string{
					"buttons of two lines":           `[...document.querySelectorAll("button, .button, .acts summary")].filter((e) => e.offsetHeight > 40)`,
					"times and numbers of two lines": `[...document.querySelectorAll("article time, article .unit")].filter((e) => e.getClientRects().length > 1)`,
					"names of cells beyond their cells": `[...document.querySelectorAll("article td")].filter((e) =>
						parseFloat(getComputedStyle(e, "::before").height) > e.clientHeight + 1)`,
					"what is wider than the screen": `[document.documentElement].filter((e) => e.scrollWidth > innerWidth)`,
				} {
					assert.Equal(t, "[]", tb.eval(`JSON.stringify(`+found+`.map((e) => e.outerHTML.slice(0, 200)))`), "%s: %s %s %d", what, language, path, width)
				}
			}
		}
	}
}
