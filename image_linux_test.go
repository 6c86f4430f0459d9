package alertscribe_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// imageUser is whom the images run as.
const imageUser = 65532

// TestImageRuns does by hand what docker build and docker run do, since not every machine has a daemon: the build stage's command on
// the files that .dockerignore leaves, the last stages' copies into an empty root, and their entry points in it, as their user, with
// their environment and nothing else. There is no /proc, no /dev, and no shell, so that whatever needs more than the image has is seen.
func TestImageRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds both programs once more")
	}
	stages := readDockerfile(t)
	build := t.TempDir() // the root of the build stage
	buildStage(t, stages["build"], build)

	t.Run("alertscribe", func(t *testing.T) {
		i := assemble(t, stages["alertscribe"], build)
		address := testbedtest.FreeAddress(t)
		i.env = append(i.env, "LISTEN_ADDRESS="+address, "REPORT_TIME_ZONE=Asia/Shanghai")
		end := i.start()
		i.awaitHealth()
		payload, err := os.ReadFile("testdata/one-alert.json")
		require.NoError(t, err)
		resp, err := http.Post("http://"+address+"/alert", "application/json", bytes.NewReader(payload)) //nolint:noctx // a test's
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusAccepted, resp.StatusCode)
		require.Eventually(t, func() bool { return strings.Contains(i.report(), " UTC+8") }, time.Minute, 50*time.Millisecond, "zones are in the binary")
		end()
		assert.FileExists(t, filepath.Join(i.root, "data", "alertscribe.db"))
	})
	t.Run("loginsim", func(t *testing.T) {
		i := assemble(t, stages["loginsim"], build)
		metrics, control := testbedtest.FreeAddress(t), testbedtest.FreeAddress(t)
		i.args = []string{"--web.listen-address=" + metrics, "--control.listen-address=" + control}
		end := i.start()
		i.awaitHealth("--control.listen-address=" + control)
		end()
	})
}

// buildStage runs the build stage's last RUN on the context that docker would be sent.
func buildStage(t *testing.T, stage []string, root string) {
	t.Helper()
	src := filepath.Join(root, "src")
	copyContext(t, src)
	command := stage[len(stage)-1]
	require.True(t, strings.HasPrefix(command, "RUN "), command)
	command = regexp.MustCompile(`--mount=\S+\s+`).ReplaceAllString(strings.TrimPrefix(command, "RUN "), "")
	for _, dir := range []string{"/out/", "/tree/"} {
		require.Contains(t, command, " "+dir)
		command = strings.ReplaceAll(command, " "+dir, " "+filepath.Join(root, dir)+"/")
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", command)
	cmd.Dir = src
	cmd.Env = append(os.Environ(), "VERSION=of-the-image", "TARGETOS=", "TARGETARCH=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", command, out)
}

// copyContext copies what git knows of and .dockerignore does not leave out.
func copyContext(t *testing.T, to string) {
	t.Helper()
	list, err := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	text, err := os.ReadFile(".dockerignore")
	require.NoError(t, err)
	var patterns []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			patterns = append(patterns, line)
		}
	}
	copied := 0
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		b, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) || ignoredByDocker(t, patterns, name) { // removed and not committed yet
			continue
		}
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Join(to, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(to, name), b, 0o644))
		copied++
	}
	require.Greater(t, copied, 100)
}

// ignoredByDocker reports whether a pattern matches a file or a directory above it. Of Docker's syntax it knows what path.Match does,
// and a leading **.
func ignoredByDocker(t *testing.T, patterns []string, name string) bool {
	t.Helper()
	for at := name; at != "."; at = path.Dir(at) {
		for _, p := range patterns {
			subject := at
			if rest, ok := strings.CutPrefix(p, "**/"); ok {
				p, subject = rest, path.Base(at)
			}
			matches, err := path.Match(p, subject)
			require.NoError(t, err)
			require.NotContains(t, p, "!", "this test does not know it")
			if matches {
				return true
			}
		}
	}
	return false
}

// rootfs is a stage made of scratch, laid out in a directory.
type rootfs struct {
	t                 *testing.T
	root              string
	env               []string
	entrypoint, check []string
	args              []string
}

// assemble follows a stage's instructions, and fails at one that it does not know.
func assemble(t *testing.T, stage []string, build string) *rootfs {
	t.Helper()
	i := &rootfs{t: t, root: t.TempDir()}
	require.NoError(t, os.Chmod(i.root, 0o755))       //nolint:gosec // the image's user is another one
	t.Cleanup(func() { _ = os.Chmod(i.root, 0o700) }) //nolint:gosec // or it can't be removed
	for _, line := range stage {
		instruction, rest, _ := strings.Cut(line, " ")
		switch instruction {
		case "FROM":
			require.True(t, strings.HasPrefix(rest, "scratch "), line)
		case "COPY":
			i.copyIn(rest, build)
		case "ENV":
			i.env = append(i.env, strings.Fields(rest)...)
		case "USER":
			require.Equal(t, "65532:65532", rest)
		case "HEALTHCHECK":
			_, command, ok := strings.Cut(rest, " CMD ")
			require.True(t, ok, line)
			require.NoError(t, json.Unmarshal([]byte(command), &i.check))
		case "ENTRYPOINT":
			require.NoError(t, json.Unmarshal([]byte(rest), &i.entrypoint))
		case "VOLUME", "EXPOSE": // other tests compare them
		default:
			t.Fatalf("the test does not know %s", line)
		}
	}
	require.NoError(t, os.Chmod(i.root, 0o555)) //nolint:gosec // root's, in the image
	return i
}

var copyLine = regexp.MustCompile(`^--from=build (?:--chown=65532:65532 )?(\S+) (\S+)$`)

// copyIn copies from the build stage, or from this machine what the base image brings.
func (i *rootfs) copyIn(line, build string) {
	i.t.Helper()
	m := copyLine.FindStringSubmatch(line)
	require.NotNil(i.t, m, line)
	from, to := filepath.Join(build, m[1]), filepath.Join(i.root, m[2])
	if m[1] == "/etc/ssl/certs/ca-certificates.crt" {
		from = m[1]
	}
	owned := strings.Contains(line, "--chown")
	info, err := os.Stat(from)
	if from == m[1] && errors.Is(err, fs.ErrNotExist) {
		return // this machine has its certificates elsewhere
	}
	require.NoError(i.t, err)
	if !info.IsDir() {
		b, err := os.ReadFile(from)
		require.NoError(i.t, err)
		if from == m[1] {
			block, _ := pem.Decode(b)
			require.NotNil(i.t, block, "certificates")
		}
		require.NoError(i.t, os.MkdirAll(filepath.Dir(to), 0o755))
		require.NoError(i.t, os.WriteFile(to, b, info.Mode().Perm()))
		return
	}
	require.NoError(i.t, filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		require.NoError(i.t, err)
		relative, err := filepath.Rel(from, name)
		require.NoError(i.t, err)
		if relative == "." {
			return nil
		}
		require.True(i.t, d.IsDir(), "%s: only directories are copied with another owner", name)
		info, err := d.Info()
		require.NoError(i.t, err)
		dir := filepath.Join(to, relative)
		require.NoError(i.t, os.Mkdir(dir, info.Mode().Perm()))
		if owned && os.Geteuid() == 0 {
			require.NoError(i.t, os.Chown(dir, imageUser, imageUser))
		}
		return nil
	}))
}

// command returns a command within the image, as its user.
func (i *rootfs) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(i.t.Context(), args[0], args[1:]...)
	cmd.Path, cmd.Err = args[0], nil // within the root
	cmd.Dir, cmd.Env = "/", i.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: imageUser, Gid: imageUser}
	} else { // who is not root may be anybody in a namespace of its own, where the machine allows that
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: imageUser, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: imageUser, HostID: os.Getegid(), Size: 1}}
	}
	return cmd
}

// start runs the entry point; end has it stop as docker stop does, and wants that to be no failure.
func (i *rootfs) start() (end func()) {
	i.t.Helper()
	var log bytes.Buffer
	cmd := i.command(append(slices.Clone(i.entrypoint), i.args...)...)
	cmd.Stdout, cmd.Stderr = &log, &log
	err := cmd.Start()
	if errors.Is(err, fs.ErrPermission) {
		i.t.Skipf("this machine lets nobody change the root: %v", err)
	}
	require.NoError(i.t, err)
	i.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if i.t.Failed() {
			i.t.Logf("log of the image:\n%s", log.String())
		}
	})
	return func() {
		i.t.Helper()
		require.NoError(i.t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(i.t, cmd.Wait())
	}
}

// awaitHealth runs the image's own health check until it is content.
func (i *rootfs) awaitHealth(args ...string) {
	i.t.Helper()
	var out []byte
	healthy := assert.Eventually(i.t, func() bool {
		var err error
		out, err = i.command(append(slices.Clone(i.check), args...)...).CombinedOutput()
		return err == nil
	}, time.Minute, 100*time.Millisecond)
	require.True(i.t, healthy, "the health check says: %s", out)
}

// report returns the one report that is written; "" for none yet.
func (i *rootfs) report() string {
	files, err := filepath.Glob(filepath.Join(i.root, "reports", "*", "*.md"))
	require.NoError(i.t, err)
	if len(files) == 0 {
		return ""
	}
	f, err := os.Open(files[0])
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(f)
	return string(b)
}

// TestContextOfImages: what .dockerignore leaves out is neither a secret's nor needed by the build.
func TestContextOfImages(t *testing.T) {
	patterns := []string{".env", "data", "docs", "**/testdata", "*.md"}
	for name, want := range map[string]bool{
		".env": true, ".env.example": false, "data/alertscribe.db": true, "docs/api.md": true, "README.md": true, "redact/README.md": false,
		"store/testdata/a/b.json": true, "cmd/alertscribe/main.go": false, "database.go": false,
	} {
		assert.Equal(t, want, ignoredByDocker(t, patterns, name), name)
	}
}
