package alertscribe_test

import (
	"debug/buildinfo"
	"encoding/json"
	flags "flag"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	sbomFile   = flags.String("sbom", "", "a bill of materials for TestSBOM to check")
	sbomBinary = flags.String("binary", "", "the binary that it is of")
)

// A component is a module in a bill of materials, see https://cyclonedx.org/docs/1.6/json/.
type component struct {
	Type, Name, Version, PURL string
	Hashes                    []struct{ Alg, Content string }
	Evidence                  struct {
		Licenses []struct{ License struct{ ID, Name string } }
	}
	Licenses []struct{ License struct{ ID, Name string } }
}

func (c component) licensed() bool { return len(c.Licenses)+len(c.Evidence.Licenses) > 0 }

// licensesReadByHand are those that the tool does not recognize.
var licensesReadByHand = map[string]string{
	"github.com/pressly/goose/v3": "MIT", // with a line of its own above the text
}

type billOfMaterials struct {
	BOMFormat, SpecVersion string
	Metadata               struct{ Component component }
	Components             []component
}

// check returns what is wrong with a bill of materials for a binary that holds these modules.
func (b billOfMaterials) check(modules map[string]string) []string {
	var faults []string
	fault := func(why ...string) { faults = append(faults, strings.Join(why, " ")) }
	if b.BOMFormat != "CycloneDX" || !strings.HasPrefix(b.SpecVersion, "1.") {
		fault("format", b.BOMFormat, b.SpecVersion)
	}
	if b.Metadata.Component.Name != "github.com/alertscribe/alertscribe" || b.Metadata.Component.Version == "" {
		fault("about", b.Metadata.Component.Name, b.Metadata.Component.Version)
	}
	listed := map[string]component{}
	for _, c := range b.Components {
		listed[c.Name] = c
	}
	for name, version := range modules {
		c, ok := listed[name]
		switch {
		case !ok:
			fault(name, "is missing")
		case c.Version != version:
			fault(name, "is listed as", c.Version, "and is", version)
		case c.Type != "library" || !strings.HasPrefix(unescaped(c.PURL), "pkg:golang/"+name+"@"+version):
			fault(name, "is called", c.PURL)
		case c.licensed() == (licensesReadByHand[name] != ""):
			fault(name, "has no license, or one that was read by hand and is recognized by now")
		}
	}
	for name := range listed {
		if _, ok := modules[name]; !ok && name != "std" {
			fault(name, "is not in the binary")
		}
	}
	return faults
}

func unescaped(s string) string {
	if out, err := url.PathUnescape(s); err == nil {
		return out
	}
	return s
}

// TestSBOM compares a bill of materials with the modules that the linker wrote into the binary.
func TestSBOM(t *testing.T) {
	if *sbomFile == "" {
		t.Skip("no bill of materials was named: make sbom-check")
	}
	var bill billOfMaterials
	text, err := os.ReadFile(*sbomFile)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &bill))
	info, err := buildinfo.ReadFile(*sbomBinary)
	require.NoError(t, err)
	modules := map[string]string{}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		modules[m.Path] = m.Version
	}
	require.Greater(t, len(modules), 40)
	assert.Empty(t, bill.check(modules))
}

// TestSBOMFaults: each fault of a bill of materials is found.
func TestSBOMFaults(t *testing.T) {
	read := func(old, with string) []string {
		const good = `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"name":"github.com/alertscribe/alertscribe","version":"v1"}},"components":[
			{"type":"library","name":"example.com/a","version":"v1.2.3","purl":"pkg:golang/example.com/a@v1.2.3?type=module","evidence":{"licenses":[{"license":{"id":"MIT"}}]}},
			{"type":"library","name":"std","version":"go1"}]}`
		var bill billOfMaterials
		require.Contains(t, good, old)
		require.NoError(t, json.Unmarshal([]byte(strings.Replace(good, old, with, 1)), &bill))
		return bill.check(map[string]string{"example.com/a": "v1.2.3"})
	}
	assert.Empty(t, read("", ""))
	assert.Equal(t, []string{"format SPDX 1.6"}, read("CycloneDX", "SPDX"))
	assert.Equal(t, []string{"about github.com/alertscribe/alertscribe "}, read(`"version":"v1"}`, `"version":""}`))
	assert.ElementsMatch(t, []string{"example.com/a is missing", "example.com/b is not in the binary"}, read(`"name":"example.com/a"`, `"name":"example.com/b"`))
	assert.Equal(t, []string{"example.com/a is listed as v1.2.4 and is v1.2.3"}, read(`"version":"v1.2.3"`, `"version":"v1.2.4"`))
	assert.Equal(t, []string{"example.com/a is called pkg:golang/example.com/x@v1.2.3?type=module"}, read(`golang/example.com/a`, `golang/example.com/x`))
	assert.Equal(t, []string{"example.com/a has no license, or one that was read by hand and is recognized by now"}, read(`{"license":{"id":"MIT"}}`, ""))
}
