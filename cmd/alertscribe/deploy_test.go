package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const deployDir = "../../deploy"

// TestManifests: what Kubernetes is told fits the program: flags, routes, settings, and the rights that the image needs.
func TestManifests(t *testing.T) {
	s := startService(t, nil)
	documents := map[string]int{}
	require.NoError(t, filepath.WalkDir(filepath.Join(deployDir, "kubernetes"), func(file string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".yaml" {
			return err
		}
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		decoder := yaml.NewDecoder(bytes.NewReader(b))
		for {
			var doc map[string]any
			err := decoder.Decode(&doc)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, file)
			kind, _ := doc["kind"].(string)
			documents[kind]++
			if kind == "StatefulSet" || kind == "Deployment" {
				assertPod(t, s, file, doc)
			}
		}
		return nil
	}))
	for _, kind := range []string{"StatefulSet", "Deployment", "Service", "ServiceMonitor", "NetworkPolicy", "PodDisruptionBudget", "Kustomization"} {
		assert.Positive(t, documents[kind], kind)
	}
	_, err := loadConfig(filepath.Join(deployDir, "kubernetes", "base", "alertscribe.yml"), func(string) string { return "" }, "")
	assert.NoError(t, err)
}

// pod is what matters of a pod's specification.
type pod struct {
	Spec struct {
		Template struct {
			Spec struct {
				SecurityContext struct {
					RunAsNonRoot bool `yaml:"runAsNonRoot"`
					RunAsUser    int  `yaml:"runAsUser"`
				} `yaml:"securityContext"`
				Containers []struct {
					Args  []string
					Ports []struct {
						ContainerPort int `yaml:"containerPort"`
					}
					ReadinessProbe  podProbe `yaml:"readinessProbe"`
					LivenessProbe   podProbe `yaml:"livenessProbe"`
					StartupProbe    podProbe `yaml:"startupProbe"`
					SecurityContext struct {
						ReadOnly bool `yaml:"readOnlyRootFilesystem"`
					} `yaml:"securityContext"`
					VolumeMounts []struct {
						Name      string
						MountPath string `yaml:"mountPath"`
					} `yaml:"volumeMounts"`
				}
			}
		}
	}
}

type podProbe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

func assertPod(t *testing.T, s *service, file string, doc map[string]any) {
	t.Helper()
	b, err := yaml.Marshal(doc)
	require.NoError(t, err)
	var p pod
	require.NoError(t, yaml.Unmarshal(b, &p))
	spec := p.Spec.Template.Spec
	assert.True(t, spec.SecurityContext.RunAsNonRoot, file)
	require.Len(t, spec.Containers, 1)
	c := spec.Containers[0]
	assertFlags(t, c.Args)
	assert.Equal(t, 5008, c.Ports[0].ContainerPort)
	assert.True(t, c.SecurityContext.ReadOnly)
	for _, probe := range []podProbe{c.ReadinessProbe, c.LivenessProbe, c.StartupProbe} {
		resp, err := http.Get(s.url + probe.HTTPGet.Path) //nolint:noctx // a test's
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusOK, resp.StatusCode, probe.HTTPGet.Path)
	}
	// What the image writes to is a volume, since its root can't be written.
	dockerfile, err := os.ReadFile("../../Dockerfile")
	require.NoError(t, err)
	mounts := map[string]bool{}
	for _, m := range c.VolumeMounts {
		mounts[m.MountPath] = true
	}
	assert.Contains(t, string(dockerfile), "REPORT_DIR=/reports DATABASE_URL=sqlite:///data/alertscribe.db")
	assert.True(t, mounts["/reports"] && mounts["/tmp"], file)
	assert.Equal(t, strings.Contains(file, "sqlite"), mounts["/data"], file)
}

// assertFlags holds arguments against those that the program knows.
func assertFlags(t *testing.T, args []string) {
	t.Helper()
	c := &cli{stdout: io.Discard, stderr: io.Discard}
	app, _ := c.application()
	_, err := app.Parse(args)
	assert.NoError(t, err, args)
}

// TestSystemdUnit: the unit's flags and variables are the program's, and systemd understands the rest where there is one.
func TestSystemdUnit(t *testing.T) {
	unit := filepath.Join(deployDir, "systemd", "alertscribe.service")
	b, err := os.ReadFile(unit)
	require.NoError(t, err)
	start := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/alertscribe (.*) \$ARGS$`).FindSubmatch(b)
	require.NotNil(t, start)
	assertFlags(t, strings.Fields(string(start[1])))
	vars := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^Environment=(\w+)=(.*)$`).FindAllStringSubmatch(string(b), -1) {
		vars[m[1]] = m[2]
	}
	asked := map[string]bool{}
	cfg, err := loadConfig("", func(name string) string { asked[name] = true; return vars[name] }, "")
	require.NoError(t, err)
	for name := range vars {
		assert.True(t, asked[name], "%s has no effect", name)
	}
	assert.Equal(t, "/var/lib/alertscribe/reports", cfg.Reports.Dir)
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return
	}
	exe := filepath.Join(t.TempDir(), "alertscribe.service")
	require.NoError(t, os.WriteFile(exe, bytes.ReplaceAll(b, []byte("/usr/bin/alertscribe"), []byte("/bin/true")), 0o600))
	out, err := exec.CommandContext(t.Context(), analyze, "verify", exe).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Empty(t, string(out))
}
