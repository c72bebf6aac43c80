package docker

import (
	"archive/tar"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"airgap.local/cdktf-mlops/providers/internal/engine"
	"airgap.local/cdktf-mlops/providers/internal/tf"
)

func str(s string) types.String { return types.StringValue(s) }

func TestAnUploadIsATarOfOneFileOfRoot(t *testing.T) {
	archive, err := uploadModel{File: str("/etc/a/b"), ContentBase64: str("AAH/"), Permissions: str("0400")}.archive(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	reader := tar.NewReader(archive)
	header, err := reader.Next()
	if err != nil {
		t.Fatal(err)
	}
	content, _ := io.ReadAll(reader)
	if header.Name != "/etc/a/b" || header.Uid != 0 || header.Gid != 0 || header.Mode != 0o400 || string(content) != "\x00\x01\xff" {
		t.Errorf("%+v %q", header, content)
	}
}

func TestAnUploadHasExactlyOneContent(t *testing.T) {
	for _, u := range []uploadModel{{}, {Content: str("")}, {Content: str("a"), ContentBase64: str("YQ==")}} {
		u.File = str("/f")
		if _, err := u.archive(time.Now()); err == nil {
			t.Errorf("%+v is accepted", u)
		}
	}
}

func TestCapabilitiesAreWrittenAsTheEngineKnowsThem(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{[]string{"net_admin", "CAP_CHOWN", "NET_ADMIN"}, []string{"CAP_CHOWN", "CAP_NET_ADMIN"}},
		{[]string{"chown", "all"}, []string{"ALL"}},
		{nil, []string{}},
	} {
		if have := canonicalCapabilities(c.in); !reflect.DeepEqual(have, c.want) {
			t.Errorf("%v becomes %v", c.in, have)
		}
	}
}

func TestAMountNamesAVolumeBeforeAPathOfTheHost(t *testing.T) {
	for _, c := range []struct {
		mount mountModel
		want  string
		bound bool
	}{
		{mountModel{VolumeName: str("v"), HostPath: str("/h"), ContainerPath: str("/c")}, "v:/c:rw", true},
		{mountModel{HostPath: str("/h"), ContainerPath: str("/c"), ReadOnly: types.BoolValue(true)}, "/h:/c:ro", true},
		{mountModel{ContainerPath: str("/c")}, ":/c:rw", false},
	} {
		if have, bound := c.mount.bind(); have != c.want || bound != c.bound {
			t.Errorf("%s %v", have, bound)
		}
	}
}

func TestAnEmptyWordInACommandIsRefused(t *testing.T) {
	m := containerModel{Image: str("i"), Command: tf.ListOf(types.ListNull(types.StringType), []string{"a", ""})}
	if _, err := m.config(); err == nil || err.Error() != "values for command may not be empty" {
		t.Error(err)
	}
}

func TestPortsKeepTheirOrderWhileTheyAreTheSame(t *testing.T) {
	port := func(internal, external int64) portModel {
		return portModel{types.Int64Value(internal), types.Int64Value(external), str("127.0.0.1"), str("tcp")}
	}
	seen := map[string][]engine.PortBinding{
		"80/tcp": {{HostIP: "127.0.0.1", HostPort: "8080"}}, "9/tcp": {{HostIP: "127.0.0.1", HostPort: "9009"}},
	}
	configured := []portModel{port(80, 8080), port(9, 9009)}
	if have := observedPorts(configured, seen); !reflect.DeepEqual(have, configured) {
		t.Errorf("%v", have)
	}
	if have := observedPorts([]portModel{port(80, 1)}, seen); !reflect.DeepEqual(have, []portModel{port(9, 9009), port(80, 8080)}) {
		t.Errorf("%v", have)
	}
	if have := observedPorts(configured, nil); len(have) != 0 {
		t.Errorf("%v", have)
	}
}

func TestADurationComesBackInGosNotation(t *testing.T) {
	for nanoseconds, want := range map[time.Duration]string{time.Minute: "1m0s", 1500 * time.Millisecond: "1.5s", 0: "0s"} {
		if have := durationOf(str("?"), nanoseconds.Nanoseconds()); have.ValueString() != want {
			t.Errorf("%s comes back as %s", nanoseconds, have)
		}
	}
	if have := durationOf(types.StringNull(), 0); !have.IsNull() {
		t.Errorf("none comes back as %s", have)
	}
}

func TestTheDigestOfAnImageIsTheOneOfItsRepository(t *testing.T) {
	two := []string{"a.example/x@sha256:1", "b.example:5000/y@sha256:2"}
	for _, c := range []struct {
		name    string
		digests []string
		want    string
	}{
		{"x:1", nil, ""}, {"z:1", two[:1], two[0]}, {"b.example:5000/y:3", two, two[1]}, {"z:1", two, ""},
	} {
		if have := repoDigest(c.name, c.digests); have != c.want {
			t.Errorf("%s of %v: %s", c.name, c.digests, have)
		}
	}
}
