package provider

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	full := strings.Replace(text, "{", `{"apiVersion":"v1","kind":"Any","metadata":{"name":"it","namespace":"n","generation":2},`, 1)
	if err := o.UnmarshalJSON([]byte(full)); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestWhatIsWaitedForIsTold(t *testing.T) {
	deployment, set := kinds["kubernetes_deployment_v1"].ready, kinds["kubernetes_stateful_set_v1"].ready
	for _, c := range []struct {
		ready func(*unstructured.Unstructured) error
		state string
		want  string
		final bool
	}{
		{deployment, `{"status":{"observedGeneration":1}}`, "Waiting for rollout to start", false},
		{deployment, `{"spec":{"replicas":2},"status":{"observedGeneration":2,"updatedReplicas":1,"replicas":3}}`,
			"Waiting for rollout to finish: 1 out of 2 new replicas have been updated...", false},
		{deployment, `{"spec":{"replicas":2},"status":{"observedGeneration":2,"updatedReplicas":2,"replicas":3}}`,
			"Waiting for rollout to finish: 1 old replicas are pending termination...", false},
		{deployment, `{"spec":{"replicas":2},"status":{"observedGeneration":2,"updatedReplicas":2,"replicas":2,"readyReplicas":1}}`,
			"Waiting for rollout to finish: 2 replicas wanted; 1 replicas Ready", false},
		{deployment, `{"spec":{"replicas":1},"status":{"observedGeneration":2,"updatedReplicas":1,"replicas":1,"readyReplicas":1}}`,
			"Waiting for rollout to finish: 0 of 1 updated replicas are available...", false},
		{deployment, `{"spec":{"replicas":0},"status":{"observedGeneration":2}}`, "", false},
		{deployment, `{"status":{"observedGeneration":2,"conditions":[{"type":"Progressing","reason":"ProgressDeadlineExceeded"}]}}`,
			"Deployment exceeded its progress deadline", true},
		{set, `{"status":{"observedGeneration":2,"readyReplicas":1,"currentRevision":"a","updateRevision":"b"}}`,
			"StatefulSet n/it is not finished rolling out", false},
		{set, `{"status":{"observedGeneration":2,"readyReplicas":1,"currentRevision":"a","updateRevision":"a"}}`, "", false},
		{kinds["kubernetes_daemon_set_v1"].ready, `{"status":{"observedGeneration":2,"desiredNumberScheduled":2,"numberReady":1}}`,
			"Waiting for rollout to finish: 2 pods desired; 1 pods ready", false},
		{kinds["kubernetes_job_v1"].ready, `{"status":{"conditions":[{"type":"Failed","status":"True"}]}}`,
			"job: n/it is in failed state", true},
		{kinds["kubernetes_job_v1"].ready, `{"status":{"conditions":[{"type":"Complete","status":"True"}]}}`, "", false},
		{kinds["kubernetes_service_v1"].ready, `{"spec":{"type":"ClusterIP"}}`, "", false},
		{kinds["kubernetes_service_v1"].ready, `{"spec":{"type":"LoadBalancer"}}`,
			`Waiting for service "n/it" to assign IP/hostname for a load balancer`, false},
		{kinds["kubernetes_ingress_v1"].ready, `{"spec":{}}`, "Load Balancer is not ready yet", false},
		{kinds["kubernetes_persistent_volume_claim_v1"].ready, `{"status":{"phase":"Lost"}}`, "unexpected state 'Lost'", true},
	} {
		err := c.ready(parse(t, c.state))
		said := ""
		if err != nil {
			said = err.Error()
		}
		if final := (hopeless{}); !strings.HasPrefix(said, c.want) || (said == "") != (c.want == "") || errors.As(err, &final) != c.final {
			t.Errorf("%s: %q", c.state, said)
		}
	}
}

func TestPatchesTouchOnlyWhatChanged(t *testing.T) {
	type m = map[string]any
	for want, patch := range map[string][]operation{
		`[{"op":"add","path":"/metadata/labels","value":{"a":"1"}}]`: changed("/metadata/labels", nil, nil, m{"a": "1"}),
		`[{"op":"remove","path":"/metadata/labels/a.b~1c~0d"}]`:      changed("/metadata/labels", m{"a.b/c~d": "1", "x": "1"}, m{"a.b/c~d": "1"}, m{}),
		`[{"op":"add","path":"/spec/replicas","value":0}]`:           set("/spec/replicas", m{}, int64(0), "replicas"),
		`[{"op":"remove","path":"/spec/strategy"}]`:                  set("/spec/strategy", m{"strategy": m{}}, nil, "strategy"),
		`null`: set("/spec/strategy", m{}, nil, "strategy"),
	} {
		if have, _ := json.Marshal(patch); string(have) != want {
			t.Errorf("%s", have)
		}
	}
}

func TestServicesSendOnlyWhatTheirTypeHas(t *testing.T) {
	service := parse(t, `{"spec":{"type":"ClusterIP","allocateLoadBalancerNodePorts":true,"externalTrafficPolicy":"Cluster","ports":[{"port":80,"nodePort":30000}]}}`).Object
	mendService(service)
	if have, _ := json.Marshal(service["spec"]); string(have) != `{"ports":[{"port":80}],"type":"ClusterIP"}` {
		t.Errorf("%s", have)
	}
}
