//go:build behaviour

package behaviour

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

func (s *stack) without(variable string) {
	kept := []string{}
	for _, e := range s.env {
		if !strings.HasPrefix(e, variable+"=") {
			kept = append(kept, e)
		}
	}
	s.env = kept
}

func TestAMissingClusterIsTold(t *testing.T) {
	s := newStack(t)
	s.write("")
	good := s.env
	s.without("KUBE_CONFIG_PATH")
	s.mustFail("no Kubernetes cluster is configured: set config_path or KUBE_CONFIG_PATH")
	s.env = append(s.env, "KUBE_CONFIG_PATH=/nowhere/kubeconfig")
	s.mustFail("'config_path' refers to an invalid path: stat /nowhere/kubeconfig: no such file or directory")
	s.env = append(good, "KUBE_CTX=elsewhere")
	s.mustFail(`context "elsewhere" does not exist`)
	file := filepath.Join(t.TempDir(), "config")
	text := `{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}],
contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {token: t}}], current-context: c}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = append(good, "KUBE_CONFIG_PATH="+file)
	s.mustFail("the Kubernetes API server https://127.0.0.1:1 can't be reached to create Namespace " + s.name +
		": dial tcp 127.0.0.1:1: connect: connection refused")
}

func TestMissingRightsAreNamed(t *testing.T) {
	s := newStack(t)
	s.write("")
	s.mustApply()
	if err := rest.LoadTLSFiles(config); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config")
	text := `{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: "` + config.Host + `", certificate-authority-data: "` +
		base64.StdEncoding.EncodeToString(config.CAData) + `"}}],
contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {token: "` + s.token() + `"}}], current-context: c}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = append(s.env, "KUBE_CONFIG_PATH="+file)
	s.mustFail(`namespaces "` + s.name + `" is forbidden: User "system:serviceaccount:` + s.name + `:default" cannot get resource "namespaces"`)
}

func TestWhatIsNotKnownIsRefused(t *testing.T) {
	s := newStack(t)
	for text, want := range map[string]string{
		`resource "kubernetes_pod_v1" "it" {}`:                                  `does not support resource type "kubernetes_pod_v1"`,
		strings.Replace(deployment("", "image:1", ""), "image =", "imago =", 1): `An argument named "imago" is not expected here`,
		strings.Replace(deployment("", "image:1", ""), `name  = "main"`, "name = \"main\"\nresources {\nlimits = { memory = \"1 GB\" }\n}", 1): `memory: "1 GB" is no quantity such as 500m or 2Gi`,
		strings.Replace(deployment("", "image:1", ""), `scheduler_name = "nobody"`, "volume {\nname = \"v\"\niscsi {}\n}", 1):                  `Blocks of type "iscsi" are not expected here`,
	} {
		s.write(deployment("", "image:1", ""))
		s.overwrite(text)
		if out, err := s.try("validate"); err == nil || !strings.Contains(out, want) {
			t.Errorf("wanted %q in: %s", want, out)
		}
	}
}

func TestWhatTheClusterRefusesIsTold(t *testing.T) {
	s := newStack(t)
	s.write(strings.Replace(deployment("", "image:1", ""), `app = "it" }
    }
`, `app = "other" }
    }
`, 1))
	s.mustFail("failed to create Deployment " + s.name + "/it: Deployment.apps \"it\" is invalid: spec.template.metadata.labels")
}

func TestWarningsOfTheClusterAreWarnings(t *testing.T) {
	s := newStack(t)
	s.kubelet(running)
	s.write(deployment("", "image:1", ""))
	s.mustApply()
	s.label(`{"metadata":{"labels":{"pod-security.kubernetes.io/warn":"restricted"}}}`)
	s.write(deployment("", "image:2", ""))
	if out := s.mustApply(); !strings.Contains(out, `Warning: would violate PodSecurity "restricted:latest"`) {
		t.Error(out)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	s := newStack(t)
	s.write(`
resource "kubernetes_secret_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  data        = { password = "hunter2" }
  binary_data = { key = "AAEC" }
}`)
	for _, args := range [][]string{{"plan"}, {"apply", "-auto-approve"}, {"show"}} {
		if out, err := s.try(args...); err != nil || strings.Contains(out, "hunter2") || strings.Contains(out, "AAEC") {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
	s.mustBeClean()
	data := s.live(resource("", "secrets"), "it").Object["data"].(map[string]any)
	if data["password"] != "aHVudGVyMg==" || data["key"] != "AAEC" {
		t.Errorf("%v", data)
	}
}
