package handler

import (
	"context"
	"flag"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var screenshots = flag.Bool("screenshots", false, "remake the pictures of docs/screenshots")

// maxScreenshot bounds a picture, in bytes: people read documents on the way, too.
const maxScreenshot = 200 << 10

// pictures are what the documents show: one screen each.
var pictures = []struct {
	name          string
	width, height int64
	scheme        string
	report        bool
}{
	{"list", 1280, 560, "light", false},
	{"phone-list", 360, 780, "light", false},
	{"report", 1280, 800, "light", true},
	{"report-dark", 1280, 800, "dark", true},
}

// TestScreenshots holds the pictures of the documents to their bounds; with a flag it makes them of the present pages:
//
//	go test ./handler -run TestScreenshots -screenshots
func TestScreenshots(t *testing.T) {
	const dir = "../docs/screenshots"
	if *screenshots {
		takePictures(t, dir)
	}
	for _, p := range pictures {
		file, err := os.Open(filepath.Join(dir, p.name+".png"))
		require.NoError(t, err)
		size, err := png.DecodeConfig(file)
		require.NoError(t, err)
		info, err := file.Stat()
		require.NoError(t, err)
		require.NoError(t, file.Close())
		assert.EqualValues(t, p.width, size.Width, p.name)
		assert.LessOrEqual(t, info.Size(), int64(maxScreenshot), p.name)
	}
}

func takePictures(t *testing.T, dir string) {
	t.Helper()
	b, e := startBrowser(t), newEnv(t, func(o *Options) { o.Version = "1.0.0" })
	id := stock(t, e)
	for i, name := range []string{"TargetDown", "ConsumerLagHigh", "HostOutOfMemory"} {
		said := []string{"payments-3:9100 has not been scraped for 5 minutes", "billing is 48,000 messages behind on orders", "4 % of memory is left on worker-7"}[i]
		e.post(t, strings.Replace(body(name, "firing", "severity", "warning", "namespace", "billing"), `"labels":{`,
			`"annotations":{"summary":"`+said+`"},"labels":{`, 1))
	}
	address := e.serve(t)
	for _, p := range pictures {
		path := "/reports"
		if p.report {
			path += "/" + id
		}
		tb := b.open(t, address+path, chromedp.EmulateViewport(p.width, p.height), chromedp.ActionFunc(func(ctx context.Context) error {
			return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: p.scheme}}).Do(ctx)
		}))
		tb.live()
		tb.until(`!document.querySelector("article img") || document.querySelector("article img").complete`)
		var picture []byte
		tb.do(page.BringToFront(), chromedp.CaptureScreenshot(&picture))
		require.NoError(t, os.WriteFile(filepath.Join(dir, p.name+".png"), picture, 0o644)) //nolint:gosec // a document
	}
}
