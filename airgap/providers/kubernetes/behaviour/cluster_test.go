//go:build behaviour

// Package behaviour runs real Terraform with the built plugin against a real Kubernetes API server: what the published
// provider does. Any cluster will do, one without machines too: no container runs, the tests play the kubelet and the
// scheduler by writing what those would write. KUBECONFIG names the cluster.
package behaviour

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	version string // of the plugin under test
	rc      string // Terraform's configuration file
	config  *rest.Config
	client  dynamic.Interface
)

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() (err error) {
	if os.Getenv("KUBECONFIG") == "" {
		return fmt.Errorf("KUBECONFIG is not set: these tests need a Kubernetes API server, for example\n" +
			"  eval \"$(airgap/kubernetes/cluster.sh env)\"")
	}
	if config, err = clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")); err != nil {
		return err
	}
	config.QPS, config.Burst = 100, 100
	if client, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	build, err := exec.Command("../../build.sh", "kubernetes").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build.sh: %s", build)
	}
	version, rc = output("../../build.sh", "kubernetes", "--print-version"), output("../../build.sh", "kubernetes", "--print-rc")
	return nil
}

func output(name string, args ...string) string {
	out, _ := exec.Command(name, args...).Output()
	return strings.TrimSpace(string(out))
}

func resource(group, name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: "v1", Resource: name}
}

var (
	namespaces  = resource("", "namespaces")
	pods        = resource("", "pods")
	configMaps  = resource("", "configmaps")
	volumes     = resource("", "persistentvolumes")
	deployments = resource("apps", "deployments")

	clusterRoles        = resource("rbac.authorization.k8s.io", "clusterroles")
	clusterRoleBindings = resource("rbac.authorization.k8s.io", "clusterrolebindings")
)

// stack is one Terraform program in a folder and a namespace of its own; $ in its text stands for the namespace.
type stack struct {
	t    *testing.T
	dir  string
	name string
	env  []string
}

func newStack(t *testing.T) *stack {
	t.Helper()
	t.Parallel()
	name := fmt.Sprintf("plugintest-%08x", crc32.ChecksumIEEE([]byte(t.Name()+version)))
	s := &stack{t: t, dir: t.TempDir(), name: name, env: append(os.Environ(), "TF_CLI_CONFIG_FILE="+rc,
		"KUBE_CONFIG_PATH="+os.Getenv("KUBECONFIG"), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")}
	t.Cleanup(func() {
		for _, of := range []schema.GroupVersionResource{namespaces, clusterRoles, clusterRoleBindings} {
			_ = client.Resource(of).Delete(context.Background(), name, metav1.DeleteOptions{})
		}
	})
	return s
}

// write makes the program and its namespace.
func (s *stack) write(text string) {
	s.t.Helper()
	head := fmt.Sprintf(`
terraform {
  required_providers {
    kubernetes = {
      source  = "airgap.local/cdktf-mlops/kubernetes"
      version = "%s"
    }
  }
}
resource "kubernetes_namespace_v1" "namespace" {
  metadata {
    name = "$"
  }
}
`, version)
	text = strings.ReplaceAll(head+text, "$", s.name)
	if err := os.WriteFile(filepath.Join(s.dir, "main.tf"), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if out, err := s.try("init", "-input=false"); err != nil {
		s.t.Fatal(out)
	}
}

func (s *stack) command(args ...string) *exec.Cmd {
	c := exec.Command("terraform", append(args, "-no-color")...)
	c.Dir, c.Env = s.dir, s.env
	return c
}

// try runs Terraform and returns what it prints, on one line per paragraph's worth of wrapped text.
func (s *stack) try(args ...string) (string, error) {
	var out bytes.Buffer
	c := s.command(args...)
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return strings.Join(strings.Fields(out.String()), " "), err
}

func (s *stack) apply() (string, error) { return s.try("apply", "-auto-approve", "-input=false") }

func (s *stack) mustApply() string {
	s.t.Helper()
	out, err := s.apply()
	if err != nil {
		s.t.Fatal(problems(out))
	}
	return out
}

// problems are what Terraform says from the first error on.
func problems(out string) string {
	if i := strings.Index(out, "Error: "); i >= 0 {
		return out[i:]
	}
	return out
}

// mustBeClean wants a plan without changes.
func (s *stack) mustBeClean() {
	s.t.Helper()
	if out, err := s.try("plan", "-detailed-exitcode", "-input=false"); err != nil {
		s.t.Fatal(out)
	}
}

// mustFail wants an apply that fails with this text.
func (s *stack) mustFail(text string) {
	s.t.Helper()
	out, err := s.apply()
	if err == nil {
		s.t.Fatalf("succeeds, wanted %q", text)
	}
	if !strings.Contains(out, text) {
		s.t.Fatalf("wanted %q in: %s", text, problems(out))
	}
}

// actions is what a plan does with a resource, such as "update" or "delete,create".
func (s *stack) actions(address string) string {
	s.t.Helper()
	if out, err := s.try("plan", "-out=plan", "-input=false"); err != nil {
		s.t.Fatal(out)
	}
	shown, err := s.command("show", "-json", "plan").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	var plan struct {
		ResourceChanges []struct {
			Address string
			Change  struct{ Actions []string }
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(shown, &plan); err != nil {
		s.t.Fatal(err)
	}
	for _, change := range plan.ResourceChanges {
		if change.Address == address {
			return strings.Join(change.Change.Actions, ",")
		}
	}
	return "not there"
}

// live is an object as the cluster has it.
func (s *stack) live(of schema.GroupVersionResource, name string) *unstructured.Unstructured {
	s.t.Helper()
	o, err := client.Resource(of).Namespace(s.name).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

func (s *stack) patch(of schema.GroupVersionResource, name, patch string, sub ...string) {
	s.t.Helper()
	_, err := client.Resource(of).Namespace(s.name).Patch(context.Background(), name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{}, sub...)
	if err != nil {
		s.t.Fatal(err)
	}
}

const (
	running   = `{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastTransitionTime":"NOW"}]}}`
	succeeded = `{"status":{"phase":"Succeeded"}}`
	failed    = `{"status":{"phase":"Failed"}}`
)

// kubelet gives every pod of the namespace this status until the test ends.
func (s *stack) kubelet(status string) {
	ctx, stop := context.WithCancel(context.Background())
	s.t.Cleanup(stop)
	go func() {
		seen := map[types.UID]bool{}
		for ctx.Err() == nil {
			list, err := client.Resource(pods).Namespace(s.name).List(ctx, metav1.ListOptions{})
			for i := 0; err == nil && i < len(list.Items); i++ {
				if pod := list.Items[i]; !seen[pod.GetUID()] {
					_, err := client.Resource(pods).Namespace(s.name).Patch(ctx, pod.GetName(), types.MergePatchType,
						[]byte(strings.Replace(status, "NOW", time.Now().UTC().Format(time.RFC3339), 1)), metav1.PatchOptions{}, "status")
					seen[pod.GetUID()] = err == nil
				}
			}
			time.Sleep(300 * time.Millisecond)
		}
	}()
}

// pod is a template whose pods no scheduler takes.
func pod(app, image, more string) string {
	return fmt.Sprintf(`
    template {
      metadata {
        labels = { app = "%s" }
      }
      spec {
        scheduler_name = "nobody"
        container {
          name  = "main"
          image = "%s"
        }
        %s
      }
    }`, app, image, more)
}

func deployment(spec, image, more string) string {
	return `
resource "kubernetes_deployment_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  spec {
    ` + spec + `
    selector {
      match_labels = { app = "it" }
    }` + pod("it", image, "") + `
  }
  ` + more + `
}`
}

// overwrite adds a text to the program without looking at it.
func (s *stack) overwrite(text string) {
	s.t.Helper()
	head, err := os.ReadFile(filepath.Join(s.dir, "main.tf"))
	if err != nil {
		s.t.Fatal(err)
	}
	whole := string(head[:bytes.Index(head, []byte("\nresource \"kubernetes_deployment_v1\""))])
	if err := os.WriteFile(filepath.Join(s.dir, "main.tf"), []byte(whole+"\n"+text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// label changes the stack's namespace.
func (s *stack) label(patch string) {
	s.t.Helper()
	_, err := client.Resource(namespaces).Patch(context.Background(), s.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
}

// token is one of an account without any rights.
func (s *stack) token() string {
	s.t.Helper()
	request := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}}
	accounts := client.Resource(resource("", "serviceaccounts")).Namespace(s.name)
	request.SetName("default")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		made, err := accounts.Create(context.Background(), request, metav1.CreateOptions{}, "token")
		if err == nil {
			token, _, _ := unstructured.NestedString(made.Object, "status", "token")
			return token
		} else if time.Now().After(deadline) {
			s.t.Fatal(err)
		}
	}
}
