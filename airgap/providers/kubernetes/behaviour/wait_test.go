//go:build behaviour

package behaviour

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const soon = `
  timeouts {
    create = "8s"
    update = "8s"
  }`

func TestARolloutIsWaitedForAndItsObstacleTold(t *testing.T) {
	s := newStack(t)
	s.write(deployment(`replicas = "2"`, "image:1", soon))
	s.mustFail("Waiting for rollout to finish: 2 replicas wanted; 0 replicas Ready")
	if got := s.actions("kubernetes_deployment_v1.it"); got != "delete,create" {
		t.Errorf("a deployment that never was ready is planned as %s", got)
	}
	s.kubelet(running)
	s.mustApply()
	s.mustBeClean()
}

func TestAFailedUpdateTellsHowFarItCame(t *testing.T) {
	s := newStack(t)
	strategy := `
    replicas = "2"
    strategy {
      rolling_update {
        max_unavailable = "0"
        max_surge       = "1"
      }
    }`
	s.kubelet(running)
	s.write(deployment(strategy, "image:1", ""))
	s.mustApply()
	s.write(deployment(strategy+"\nmin_ready_seconds = 3600\nprogress_deadline_seconds = 7200", "image:2", soon))
	s.mustFail("Waiting for rollout to finish: 1 out of 2 new replicas have been updated...")
}

func TestAnInterruptedWaitLeavesTheObjectInTheState(t *testing.T) {
	s := newStack(t)
	s.write(deployment("", "image:1", ""))
	var out bytes.Buffer
	c := s.command("apply", "-auto-approve", "-input=false")
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if _, err := client.Resource(deployments).Namespace(s.name).Get(context.Background(), "it", metav1.GetOptions{}); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(out.String())
		}
	}
	time.Sleep(time.Second)
	began := time.Now()
	_ = c.Process.Signal(os.Interrupt)
	_ = c.Wait()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("an interrupt takes %s", took)
	}
	state, _ := s.try("state", "list")
	if !strings.Contains(state, "kubernetes_deployment_v1.it") {
		t.Errorf("%s; state: %s", out.String(), state)
	}
	s.kubelet(running)
	s.mustApply()
}

func job(name, more string) string {
	return `
resource "kubernetes_job_v1" "` + name + `" {
  metadata {
    name      = "` + name + `"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  spec {
    backoff_limit = 0` + pod(name, "image:1", `restart_policy = "Never"`) + `
  }
  ` + more + `
}`
}

func TestAJobIsWaitedFor(t *testing.T) {
	s := newStack(t)
	s.write(job("never", soon))
	s.mustFail("job: " + s.name + "/never is not in complete state")
	s.kubelet(succeeded)
	s.mustApply()
	s.mustBeClean()
}

func TestAJobThatFailsIsToldAtOnce(t *testing.T) {
	s := newStack(t)
	s.kubelet(failed)
	s.write(job("bad", `
  timeouts {
    create = "5m"
  }`))
	began := time.Now()
	s.mustFail("job: " + s.name + "/bad is in failed state")
	if took := time.Since(began); took > 2*time.Minute {
		t.Errorf("takes %s", took)
	}
}

func claim(size, class string) string {
	return `
resource "kubernetes_persistent_volume_claim_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  spec {
    access_modes       = ["ReadWriteOnce"]
    storage_class_name = "` + class + `"
    resources {
      requests = { storage = "` + size + `" }
    }
  }
  timeouts {
    create = "10s"
  }
}`
}

func TestAClaimIsWaitedFor(t *testing.T) {
	s := newStack(t)
	s.write(claim("1Gi", "$"))
	s.mustFail("to become 'Bound' (last state: 'Pending')")
	if out, err := s.try("destroy", "-auto-approve"); err != nil {
		t.Fatal(out)
	}
	volume := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolume", "metadata": map[string]any{"name": s.name},
		"spec": map[string]any{"capacity": map[string]any{"storage": "2Gi"}, "accessModes": []any{"ReadWriteOnce"},
			"storageClassName": s.name, "persistentVolumeReclaimPolicy": "Retain", "hostPath": map[string]any{"path": "/tmp/none"}},
	}}
	if _, err := client.Resource(volumes).Create(context.Background(), volume, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Resource(volumes).Delete(context.Background(), s.name, metav1.DeleteOptions{})
	})
	s.mustApply()
	s.mustBeClean()
	for size, want := range map[string]string{"500Mi": "delete,create", "2Gi": "update", "1024Mi": "no-op"} {
		s.write(claim(size, "$"))
		if got := s.actions("kubernetes_persistent_volume_claim_v1.it"); got != want {
			t.Errorf("a claim of 1Gi that is to have %s is planned as %s", size, got)
		}
	}
}
