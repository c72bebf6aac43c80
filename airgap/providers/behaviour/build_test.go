//go:build behaviour

package behaviour

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildIn runs a build.sh with a cache of its own, and returns the mirror.
func buildIn(script, cache string) (string, error) {
	build := exec.Command(script)
	build.Env = append(os.Environ(), "CDKTF_MLOPS_CACHE="+cache)
	out, err := build.Output()
	return strings.TrimSpace(string(out)), err
}

func binaryIn(t *testing.T, mirror string) [32]byte {
	t.Helper()
	found, _ := filepath.Glob(mirror + "/airgap.local/cdktf-mlops/docker/" + version + "/*/terraform-provider-docker_v" + version)
	if len(found) != 1 {
		t.Fatalf("in %s: %v", mirror, found)
	}
	content, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content)
}

func TestABuildElsewhereHasTheSameVersionAndBytes(t *testing.T) {
	t.Parallel()
	copied := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.Command("cp", "-r", "..", copied).CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	mirror, err := buildIn(copied+"/build.sh", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if binaryIn(t, mirror) != binaryIn(t, filepath.Join(filepath.Dir(rc), "mirror")) {
		t.Error("the bytes differ")
	}
}

func TestTwoBuildsAtOnceGiveOneWholeMirror(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	mirrors, failures := make(chan string, 2), make(chan error, 2)
	for range 2 {
		go func() {
			mirror, err := buildIn("../build.sh", cache)
			mirrors <- mirror
			failures <- err
		}()
	}
	for range 2 {
		if err := <-failures; err != nil {
			t.Error(err)
		}
		binaryIn(t, <-mirrors)
	}
	if entries, _ := os.ReadDir(cache + "/providers"); len(entries) != 1 {
		t.Errorf("the cache holds %v", entries)
	}
}

func TestAChangedSourceIsAnotherVersion(t *testing.T) {
	t.Parallel()
	copied := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.Command("cp", "-r", "..", copied).CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	if have := output(copied+"/build.sh", "--print-version"); have != version {
		t.Errorf("the same sources are version %s", have)
	}
	file := copied + "/main.go"
	content, _ := os.ReadFile(file)
	if err := os.WriteFile(file, append(content, "// changed\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if have := output(copied+"/build.sh", "--print-version"); have == version {
		t.Error("the version is the same")
	}
}
