//go:build behaviour

package behaviour

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fileIn is the owner, mode and content of a file in a container, running or not.
func fileIn(t *testing.T, container, path string) string {
	t.Helper()
	raw, err := exec.Command("docker", "cp", container+":"+path, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(bytes.NewReader(raw))
	header, err := archive.Next()
	if err != nil {
		t.Fatal(err)
	}
	content, _ := io.ReadAll(archive)
	return fmt.Sprintf("%d:%d %#o %s", header.Uid, header.Gid, header.Mode&0o7777, content)
}

func TestUploadsAreRootsAndReadByAllUnlessTheySayOtherwise(t *testing.T) {
	s := newStack(t).write(one(`
  user = "1000"
  upload {
    file    = "/etc/app/plain"
    content = "text"
  }
  upload {
    file           = "/etc/app/binary"
    content_base64 = "AAH/"
    permissions    = "0400"
  }
  upload {
    file       = "/etc/app/script"
    content    = "#!"
    executable = true
  }
  upload {
    file        = "/etc/app/both"
    content     = "x"
    executable  = true
    permissions = "0755"
  }
`))
	s.apply()
	for path, want := range map[string]string{
		"plain": "0:0 0644 text", "binary": "0:0 0400 \x00\x01\xff", "script": "0:0 0744 #!", "both": "0:0 0755 x",
	} {
		if have := fileIn(t, s.name, "/etc/app/"+path); have != want {
			t.Errorf("%s is %q, wanted %q", path, have, want)
		}
	}
	s.clear()
}

func TestAnUploadIsThereBeforeTheContainerStarts(t *testing.T) {
	s := newStack(t).write(one(`
  command = ["ready", "/early"]
  must_run = false
  upload {
    file    = "/early"
    content = "x"
  }
`))
	s.apply()
	until(t, "the end", func() bool { return inspect(t, s.name, ".State.Status") == "exited" })
	if have := inspect(t, s.name, ".State.ExitCode"); have != "0" {
		t.Errorf("it ended with %s", have)
	}
}

func TestAnUploadIntoAReadOnlyRootFails(t *testing.T) {
	s := newStack(t).write(one("read_only = true\nupload {\n file = \"/f\"\n content = \"x\"\n}"))
	s.applyFails("Unable to upload volume content: Error response from daemon: container rootfs is marked read-only")
	s.tainted()
}

func TestAnEmptyUploadFails(t *testing.T) {
	s := newStack(t).write(one("upload {\n file = \"/f\"\n content = \"\"\n}"))
	s.applyFails("error with upload content: one of 'content'")
	s.tainted()
}

func TestOneSensitiveUploadHidesTheWholeSetInThePlan(t *testing.T) {
	const plain = "upload {\n file = \"/plain\"\n content = \"ORDINARY\"\n}\n"
	s := newStack(t).write(one(plain))
	out, _ := s.terraform("plan")
	contains(t, out, "ORDINARY")
	s.write(one(plain + "upload {\n file = \"/secret\"\n content = sensitive(\"HIDDEN\")\n}\n"))
	out, _ = s.terraform("plan")
	lacks(t, out, "ORDINARY", "HIDDEN", "/plain")
	contains(t, out, "At least one attribute in this block is (or was) sensitive")
}

func TestNoSecretReachesALogOrAMessage(t *testing.T) {
	const secret, encoded = "SENTINEL-of-this-test", "U0VOVElORUwtb2YtdGhpcy10ZXN0"
	program := func(more string) string {
		return one(`
  upload {
    file    = "/run/secrets/a"
    content = sensitive("` + secret + `")
  }
  upload {
    file           = "/run/secrets/b"
    content_base64 = sensitive("` + encoded + `")
  }
` + more)
	}
	s := newStack(t)
	s.env = []string{"TF_LOG_PROVIDER=TRACE", "TF_LOG_PATH=" + filepath.Join(s.dir, "log")}
	s.write(program(""))
	out := s.apply()
	out += fmt.Sprint(s.plan())
	s.write(program("read_only = true"))
	out += s.applyFails("Unable to upload volume content")
	s.write(strings.Replace(program("network_mode = \"none\""), "file           =", "permissions = \"9\"\nfile =", 1))
	out += s.applyFails("permissions")
	log, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil || len(log) == 0 {
		t.Fatal("there is no log")
	}
	for _, line := range strings.Split(string(log), "\n") {
		if strings.Contains(line, secret) || strings.Contains(line, encoded) {
			t.Errorf("in the log: %.300s", line)
			break
		}
	}
	lacks(t, out, secret, encoded)
}
