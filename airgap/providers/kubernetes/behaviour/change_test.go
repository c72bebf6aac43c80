//go:build behaviour

package behaviour

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// program reads a program from testdata.
func program(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	template, err := os.ReadFile("testdata/pod.tf")
	if err != nil {
		t.Fatal(err)
	}
	// A comment such as "# pod: web image:1" stands for a template of pods with everything that pods can have.
	return regexp.MustCompile(`# pod: (\w+) (\S+) ?(\w*)`).ReplaceAllStringFunc(string(text), func(comment string) string {
		words := strings.Fields(comment)
		restart := "Always"
		if len(words) > 4 {
			restart = words[4]
		}
		return strings.NewReplacer("APP", words[2], "IMAGE", words[3], "RESTART", restart).Replace(string(template))
	})
}

// swap replaces texts of a program, however it is aligned.
func swap(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		spaced := strings.ReplaceAll(regexp.QuoteMeta(pairs[i]), " = ", ` += +`)
		old := regexp.MustCompile(spaced)
		if !old.MatchString(text) {
			t.Fatalf("no %s", pairs[i])
		}
		text = old.ReplaceAllLiteralString(text, pairs[i+1])
	}
	return text
}

func TestEveryKindIsAppliedCleanlyAndDestroyed(t *testing.T) {
	s := newStack(t)
	s.kubelet(running)
	text := program(t, "every-kind.tf")
	s.write(text)
	s.mustApply()
	s.mustBeClean()
	changed := swap(t, text, `"image:1"`, `"image:2"`, `a = "1"`, `a = "2"`, `replicas = "2"`, `replicas = "1"`,
		`port = 81`, `port = 82`, `"pods" = "30"`, `"pods" = "31"`, `schedule = "0 3 * * *"`, `schedule = "0 4 * * *"`,
		`verbs = ["get", "list"]`, `verbs = ["get"]`, `"10.0.0.0/8"`, `"10.1.0.0/16"`, `tier = "x"`, ``,
		`max_replicas = 4`, `max_replicas = 5`, `host = "x.example"`, `host = "y.example"`)
	s.write(changed)
	if out := s.mustApply(); !strings.Contains(out, " 11 changed") {
		t.Error(out[strings.Index(out, "Apply complete"):])
	}
	s.mustBeClean()
	if labels := s.live(configMaps, "it").GetLabels(); len(labels) != 1 {
		t.Errorf("labels of the ConfigMap: %v", labels)
	}
	if out, err := s.try("destroy", "-auto-approve"); err != nil {
		t.Fatal(out)
	}
	if _, err := client.Resource(namespaces).Get(context.Background(), s.name, metav1.GetOptions{}); err == nil {
		t.Error("the namespace is left")
	}
}

func TestWhatIsImmutableReplaces(t *testing.T) {
	s := newStack(t)
	s.kubelet(running)
	text := program(t, "every-kind.tf")
	s.write(text)
	s.mustApply()
	for address, change := range map[string][2]string{
		"kubernetes_deployment_v1.it":            {`app = "web"`, `app = "other"`},
		"kubernetes_stateful_set_v1.it":          {`service_name = "headless"`, `service_name = "other"`},
		"kubernetes_service_v1.headless":         {`cluster_ip = "None"`, ``},
		"kubernetes_job_v1.it":                   {`"image:job"`, `"image:job2"`},
		"kubernetes_pod_disruption_budget_v1.it": {`max_unavailable = "1"`, `max_unavailable = "2"`},
		"kubernetes_role_binding_v1.it":          {`kind = "Role"`, `kind = "ClusterRole"`},
		"kubernetes_config_map_v1.frozen":        {`b = "frozen"`, `b = "thawed"`},
		"kubernetes_secret_v1.it":                {`type = "Opaque"`, `type = "example.com/other"`},
	} {
		want := "delete,create"
		if address == "kubernetes_service_v1.headless" {
			want = "no-op" // what the cluster may fill in stays as it is
		}
		s.write(swap(t, text, change[0], change[1]))
		if got := s.actions(address); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}

func TestWhatIsRemovedByHandIsMadeAgain(t *testing.T) {
	s := newStack(t)
	s.kubelet(running)
	s.write(deployment("", "image:1", ""))
	s.mustApply()
	if err := client.Resource(deployments).Namespace(s.name).Delete(context.Background(), "it", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := s.actions("kubernetes_deployment_v1.it"); got != "create" {
		t.Error(got)
	}
	s.mustApply()
	s.patch(deployments, "it", `{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"image:other"}]}}}}`)
	if got := s.actions("kubernetes_deployment_v1.it"); got != "update" {
		t.Error(got)
	}
}

func TestReplicasMayBelongToAnAutoscaler(t *testing.T) {
	s := newStack(t)
	s.kubelet(running)
	const ignored = `
  lifecycle {
    ignore_changes = [spec[0].replicas]
  }`
	s.write(deployment(`replicas = "1"`, "image:1", ignored))
	s.mustApply()
	s.patch(deployments, "it", `{"spec":{"replicas":3}}`)
	s.mustBeClean()
	s.write(deployment(`replicas = "1"`, "image:2", ignored))
	s.mustApply()
	if n, _, _ := unstructured.NestedInt64(s.live(deployments, "it").Object, "spec", "replicas"); n != 3 {
		t.Errorf("%d replicas", n)
	}
}

func TestLabelsOfOthersStay(t *testing.T) {
	s := newStack(t)
	text := `
resource "kubernetes_config_map_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
    labels    = { ours = "1", "a.example/b" = "2" }
  }
}`
	s.write(text)
	s.mustApply()
	s.patch(configMaps, "it", `{"metadata":{"labels":{"batch.kubernetes.io/theirs":"x"}}}`)
	s.mustBeClean()
	s.write(strings.Replace(text, `ours = "1", `, "", 1))
	s.mustApply()
	if labels := s.live(configMaps, "it").GetLabels(); len(labels) != 2 || labels["batch.kubernetes.io/theirs"] != "x" {
		t.Errorf("%v", labels)
	}
}

func TestAnotherStrategyAndTypeLeaveNothingOfTheOldOne(t *testing.T) {
	s := newStack(t)
	s.kubelet(running)
	program := func(strategy, kind string) string {
		return deployment("strategy {\n type = \""+strategy+"\"\n }", "image:1", "") + `
resource "kubernetes_service_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  wait_for_load_balancer = false
  spec {
    type     = "` + kind + `"
    selector = { app = "it" }
    port {
      port = 80
    }
  }
}`
	}
	for _, step := range [][2]string{{"RollingUpdate", "ClusterIP"}, {"Recreate", "LoadBalancer"}, {"RollingUpdate", "ClusterIP"}} {
		s.write(program(step[0], step[1]))
		s.mustApply()
		s.mustBeClean()
	}
}

func TestAChangeThatIsRefusedIsTriedAgain(t *testing.T) {
	s := newStack(t)
	s.kubelet(running)
	s.write(deployment("", "image:1", ""))
	s.mustApply()
	s.write(deployment("", "", ""))
	s.mustFail(`spec.template.spec.containers[0].image: Required value`)
	if state, _ := s.try("state", "show", "kubernetes_deployment_v1.it"); !strings.Contains(state, `image = "image:1"`) {
		t.Error(state)
	}
	s.write(deployment("", "image:2", ""))
	if got := s.actions("kubernetes_deployment_v1.it"); got != "update" {
		t.Error(got)
	}
	s.mustApply()
	s.mustBeClean()
}

func TestClaimsOfAStatefulSetAreClean(t *testing.T) {
	s := newStack(t)
	s.kubelet(running)
	s.write(`
resource "kubernetes_stateful_set_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  spec {
    replicas     = "1"
    service_name = "it"
    selector {
      match_labels = { app = "it" }
    }` + pod("it", "image:1", "") + `
    volume_claim_template {
      metadata {
        name = "data"
      }
      spec {
        access_modes = ["ReadWriteOnce"]
        resources {
          requests = { storage = "1024Mi" }
        }
      }
    }
  }
}`)
	s.mustApply()
	s.mustBeClean()
}
