//go:build behaviour

// Package behaviour runs real Terraform with the built plugins against a real Docker Engine: what the published
// provider does, the unpleasant parts included.
package behaviour

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const image = "plugintest/probe:1"

var (
	version string // of the plugins under test
	rc      string // Terraform's configuration file
	imageID string
)

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = exec.Command("docker", "image", "rm", "-f", image).Run()
	os.Exit(code)
}

func prepare() error {
	build, err := exec.Command("../build.sh").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build.sh: %s", build)
	}
	version, rc = output("../build.sh", "--print-version"), output("../build.sh", "--print-rc")
	folder, err := os.MkdirTemp("", "plugintest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	compile := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", folder+"/probe", "./probe")
	compile.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := compile.CombinedOutput(); err != nil {
		return fmt.Errorf("probe: %s", out)
	}
	imageID, err = importImage(folder, image, `ENTRYPOINT ["/probe"]`)
	return err
}

// importImage makes an image of the folder's probe, with the given instructions of a Dockerfile.
func importImage(folder, name string, changes ...string) (string, error) {
	args := []string{"-c", `tar -C "$1" -c probe | docker import "${@:3}" - "$2"`, "import", folder, name}
	for _, c := range changes {
		args = append(args, "-c", c)
	}
	out, err := exec.Command("bash", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("docker import: %s", out)
	}
	return strings.TrimSpace(string(out)), nil
}

func output(name string, args ...string) string {
	out, _ := exec.Command(name, args...).Output()
	return strings.TrimSpace(string(out))
}

// docker runs a command of the docker client and returns what it prints.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %s", strings.Join(args, " "), out)
	}
	return strings.TrimSpace(string(out))
}

// inspect is one field of a container.
func inspect(t *testing.T, name, format string) string {
	t.Helper()
	return docker(t, "inspect", "-f", "{{"+format+"}}", name)
}

func exists(name string) bool {
	return exec.Command("docker", "inspect", name).Run() == nil
}

// stack is one Terraform program in a folder of its own; $ in its text stands for its name.
type stack struct {
	t    *testing.T
	dir  string
	name string
	env  []string
}

func newStack(t *testing.T) *stack {
	t.Helper()
	t.Parallel()
	return serialStack(t)
}

func serialStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{t: t, dir: t.TempDir(), name: fmt.Sprintf("plugintest-%08x", crc32.ChecksumIEEE([]byte(t.Name()+version)))}
	t.Cleanup(s.clean)
	return s
}

// clean removes whatever carries the stack's name, whether or not a state knows it.
func (s *stack) clean() {
	for kind, list := range map[string][]string{
		"container": {"ps", "-aq"}, "network": {"network", "ls", "-q"}, "volume": {"volume", "ls", "-q"},
	} {
		for _, id := range strings.Fields(output("docker", append(list, "--filter", "name="+s.name)...)) {
			args := []string{kind, "rm", id}
			if kind == "container" {
				args = []string{kind, "rm", "-fv", id}
			}
			_ = exec.Command("docker", args...).Run()
		}
	}
}

// write stores the program, and initialises it the first time.
func (s *stack) write(body string) *stack {
	s.t.Helper()
	head := fmt.Sprintf(`terraform {
  required_providers {
    docker = { source = "airgap.local/cdktf-mlops/docker", version = %[1]q }
    random = { source = "airgap.local/cdktf-mlops/random", version = %[1]q }
  }
}
locals { image = %[2]q }
`, version, imageID)
	body = strings.NewReplacer("$$", "$", "$", s.name).Replace(body)
	if err := os.WriteFile(filepath.Join(s.dir, "main.tf"), []byte(head+body), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.dir, ".terraform")); err != nil {
		if out, code := s.terraform("init", "-no-color"); code != 0 {
			s.t.Fatal(out)
		}
	}
	return s
}

func (s *stack) command(args ...string) *exec.Cmd {
	c := exec.Command("terraform", args...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+rc, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_ARGS=-no-color")
	c.Env = append(c.Env, s.env...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return c
}

func (s *stack) terraform(args ...string) (string, int) {
	s.t.Helper()
	c := s.command(args...)
	out, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		s.t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

func (s *stack) apply() string {
	s.t.Helper()
	out, code := s.terraform("apply", "-auto-approve")
	if code != 0 {
		s.t.Fatalf("apply fails:\n%s", out)
	}
	return out
}

// applyFails wants an error that contains all of these.
func (s *stack) applyFails(wanted ...string) string {
	s.t.Helper()
	out, code := s.terraform("apply", "-auto-approve")
	if code == 0 {
		s.t.Fatalf("apply succeeds:\n%s", out)
	}
	contains(s.t, out, wanted...)
	return out
}

func (s *stack) destroy() {
	s.t.Helper()
	if out, code := s.terraform("destroy", "-auto-approve"); code != 0 {
		s.t.Fatalf("destroy fails:\n%s", out)
	}
}

// plan tells what Terraform would do to each resource: "create", "update", "delete,create", …; nothing when clean.
func (s *stack) plan(args ...string) map[string]string {
	s.t.Helper()
	file := filepath.Join(s.dir, "plan")
	if out, code := s.terraform(append([]string{"plan", "-out=" + file}, args...)...); code != 0 {
		s.t.Fatalf("plan fails:\n%s", out)
	}
	raw, code := s.terraform("show", "-json", file)
	if code != 0 {
		s.t.Fatal(raw)
	}
	var plan struct {
		ResourceChanges []struct {
			Address string
			Change  struct{ Actions []string }
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(raw), &plan); err != nil {
		s.t.Fatalf("%s: %s", err, raw)
	}
	changes := map[string]string{}
	for _, c := range plan.ResourceChanges {
		if action := strings.Join(c.Change.Actions, ","); action != "no-op" {
			changes[c.Address] = action
		}
	}
	return changes
}

func (s *stack) clear() {
	s.t.Helper()
	if changes := s.plan(); len(changes) > 0 {
		s.t.Errorf("the plan is not empty: %v", changes)
	}
}

func (s *stack) plans(address, wanted string) {
	s.t.Helper()
	if have := s.plan()[address]; have != wanted {
		s.t.Errorf("%s: the plan is %q, wanted %q", address, have, wanted)
	}
}

// state is what Terraform remembers of a resource: nil when it knows none.
type resourceState struct {
	Status     string
	Attributes map[string]any
}

func (s *stack) state(kind string) *resourceState {
	s.t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.dir, "terraform.tfstate"))
	if err != nil {
		return nil
	}
	var state struct {
		Resources []struct {
			Type      string
			Instances []resourceState
		}
	}
	if len(raw) == 0 { // an apply that was killed before it wrote anything
		return nil
	}
	if err := json.Unmarshal(raw, &state); err != nil {
		s.t.Fatal(err)
	}
	for _, r := range state.Resources {
		if r.Type == kind && len(r.Instances) > 0 {
			return &r.Instances[0]
		}
	}
	return nil
}

func (s *stack) tainted() {
	s.t.Helper()
	if c := s.state("docker_container"); c == nil || c.Status != "tainted" {
		s.t.Errorf("the container is not tainted in the state: %+v", c)
	}
}

// one is a program of one container of the stack's name that stays up, with more attributes.
func one(attributes string) string {
	return `resource "docker_container" "c" {
  name  = "$"
  image = local.image
` + withCommand(attributes) + `
}
`
}

func withCommand(attributes string) string {
	if strings.Contains(attributes, "command") {
		return attributes
	}
	return "  command = [\"stay\"]\n" + attributes
}

const (
	healthy = `
  wait = true
  healthcheck {
    test     = ["CMD", "/probe", "true"]
    interval = "1s"
  }
`
	neverHealthy = `
  wait         = true
  wait_timeout = 3
  healthcheck {
    test     = ["CMD", "/probe", "ready", "/never"]
    interval = "1s"
  }
`
)

func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	// Terraform folds its messages to the width of the terminal.
	flat := strings.Join(strings.Fields(strings.ReplaceAll(text, "│", " ")), " ")
	for _, w := range wanted {
		if !strings.Contains(flat, w) {
			t.Errorf("%q is not in:\n%s", w, text)
		}
	}
}

func lacks(t *testing.T, text string, unwanted ...string) {
	t.Helper()
	for _, u := range unwanted {
		if strings.Contains(text, u) {
			t.Errorf("%q is in:\n%s", u, text)
		}
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("still waiting: %s", what)
}

// background starts an apply and returns it with what it prints.
func (s *stack) background() (*exec.Cmd, *bytes.Buffer) {
	s.t.Helper()
	var out bytes.Buffer
	c := s.command("apply", "-auto-approve")
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	return c, &out
}
