package alertscribe_test

import (
	"bytes"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

type composeFile struct {
	Name     string
	Services map[string]composeService
	Volumes  map[string]any
}

type composeService struct {
	Image       string
	Build       struct{ Context, Target string }
	Command     []string
	Environment map[string]string
	Ports       []string
	Volumes     []string
	Tmpfs       []string
	Restart     string
	Healthcheck struct {
		Test        []string
		Interval    string
		Timeout     string
		StartPeriod string `yaml:"start_period"`
	}
	EnvFile []struct {
		Path     string
		Required bool
	} `yaml:"env_file"`
	DependsOn map[string]struct{ Condition string } `yaml:"depends_on"`
	ReadOnly  bool                                  `yaml:"read_only"`
	CapDrop   []string                              `yaml:"cap_drop"`
	Security  []string                              `yaml:"security_opt"`
	StopGrace string                                `yaml:"stop_grace_period"`
}

// readCompose is strict, so that a misspelt key fails here and not on somebody's machine.
func readCompose(t *testing.T) composeFile {
	t.Helper()
	text, err := os.ReadFile("compose.yaml")
	require.NoError(t, err)
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var file composeFile
	require.NoError(t, decoder.Decode(&file))
	return file
}

// readDockerfile returns the instructions of each stage, each on one line.
func readDockerfile(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	text = regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAll(text, nil)
	text = regexp.MustCompile(`\\\n\s*`).ReplaceAll(text, nil)
	stages, name := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "FROM ") {
			_, name, _ = strings.Cut(line, " AS ")
		}
		if line != "" {
			stages[name] = append(stages[name], line)
		}
	}
	return stages
}

func TestImages(t *testing.T) {
	stages := readDockerfile(t)
	for name, expose := range map[string]string{"alertscribe": "EXPOSE 5008", "loginsim": "EXPOSE 9091 9092"} {
		t.Run(name, func(t *testing.T) {
			stage := stages[name]
			assert.Equal(t, "FROM scratch AS "+name, stage[0])
			assert.Contains(t, stage, "USER 65532:65532", "numeric, or Kubernetes can't tell that it is not root")
			assert.Contains(t, stage, expose)
			assert.Contains(t, stage, `ENTRYPOINT ["/`+name+`"]`)
			assert.Regexp(t, `(?m)^HEALTHCHECK .* CMD \["/`+name+`", `, strings.Join(stage, "\n"), "there is no shell")
		})
	}
	service := strings.Join(stages["alertscribe"], "\n")
	assert.Contains(t, service, `VOLUME ["/reports", "/data"]`)
	assert.Contains(t, service, "ENV REPORT_DIR=/reports DATABASE_URL=sqlite:///data/alertscribe.db")
	assert.Contains(t, service, "/etc/ssl/certs/ca-certificates.crt")
	assert.Less(t, strings.Index(service, "--chown=65532:65532 /tree/ /"), strings.Index(service, "VOLUME"),
		"a volume takes the owner that its directory has by then")
	build := strings.Join(stages["build"], "\n")
	for _, part := range []string{"CGO_ENABLED=0", "-trimpath", "/tree/reports", "/tree/data", "/tree/tmp"} {
		assert.Contains(t, build, part)
	}
}

func TestSecretsStayOutOfImages(t *testing.T) {
	text, err := os.ReadFile(".dockerignore")
	require.NoError(t, err)
	ignored := strings.Fields(string(text))
	for _, name := range []string{".env", ".git", "data", "reports"} {
		assert.Contains(t, ignored, name)
	}
}

func TestCompose(t *testing.T) {
	file, stages := readCompose(t), readDockerfile(t)
	require.Len(t, file.Services, 4)
	for name, s := range file.Services {
		t.Run(name, func(t *testing.T) {
			assert.Regexp(t, `^[a-z/-]+:(local|v\d+\.\d+\.\d+)$`, s.Image, "pinned")
			assert.NotEmpty(t, s.Healthcheck.Test)
			assert.Equal(t, "unless-stopped", s.Restart)
			for _, port := range s.Ports {
				assert.Regexp(t, `^127\.0\.0\.1:(\d+):\d+$`, port, "nothing asks for a password")
			}
			for _, v := range s.Volumes {
				source, _, _ := strings.Cut(v, ":")
				if strings.HasPrefix(source, "./") {
					assert.FileExists(t, source)
				} else {
					assert.Contains(t, file.Volumes, source)
				}
			}
			for dependency := range s.DependsOn {
				assert.NotEmpty(t, file.Services[dependency].Healthcheck.Test)
			}
			if s.Build.Target != "" {
				assertStage(t, s, stages[s.Build.Target])
			}
		})
	}
	service := file.Services["alertscribe"]
	assert.Equal(t, []string{"reports:/reports", "data:/data"}, service.Volumes)
	assert.Equal(t, "http://prometheus:9090", service.Environment["PROMETHEUS_URL"])
	assert.Equal(t, "http://alertmanager:9093", service.Environment["ALERTMANAGER_URL"])
}

// assertStage: what compose.yaml says of an image of ours agrees with the Dockerfile.
func assertStage(t *testing.T, s composeService, stage []string) {
	t.Helper()
	text := strings.Join(stage, "\n")
	require.NotEmpty(t, stage)
	assert.Contains(t, text, `CMD ["`+strings.Join(s.Healthcheck.Test[1:], `", "`)+`"]`, "the same health check")
	for _, port := range s.Ports {
		assert.Regexp(t, `(?m)^EXPOSE .*\b`+path.Base(strings.ReplaceAll(port, ":", "/"))+`\b`, text)
	}
	assert.True(t, s.ReadOnly)
	assert.Equal(t, []string{"ALL"}, s.CapDrop)
}
