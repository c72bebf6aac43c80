package convert

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/hashicorp/go-cty/cty"
	ctyjson "github.com/hashicorp/go-cty/cty/json"

	"airgap.local/cdktf-mlops/providers/kubernetes/internal/published"
)

func fieldsOf(t *testing.T, name string) Fields {
	t.Helper()
	fields, err := Bind(published.Resources()[name].Block, reflect.TypeOf(Types[name]), IsControl)
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

// typeOf is a block's type as Terraform has it.
func typeOf(fields Fields) cty.Type {
	kinds := map[string]cty.Type{"string": cty.String, "number": cty.Number, "bool": cty.Bool}
	attributes := map[string]cty.Type{}
	for name, f := range fields {
		switch {
		case f.Fields != nil && f.Kind == "set":
			attributes[name] = cty.Set(typeOf(f.Fields))
		case f.Fields != nil:
			attributes[name] = cty.List(typeOf(f.Fields))
		case f.Kind == "map of string":
			attributes[name] = cty.Map(cty.String)
		case f.Kind == "list of string":
			attributes[name] = cty.List(cty.String)
		case f.Kind == "set of string":
			attributes[name] = cty.Set(cty.String)
		case f.Kind == "set of number":
			attributes[name] = cty.Set(cty.Number)
		default:
			attributes[name] = kinds[f.Kind]
		}
	}
	return cty.Object(attributes)
}

// fill writes null for what a block leaves out, and no blocks for blocks.
func fill(fields Fields, given map[string]any) map[string]any {
	out := map[string]any{}
	for name, f := range fields {
		value := given[name]
		if f.Fields != nil {
			blocks := []any{}
			list, _ := value.([]any)
			for _, b := range list {
				blocks = append(blocks, fill(f.Fields, b.(map[string]any)))
			}
			value = blocks
		}
		out[name] = value
	}
	return out
}

func decode(t *testing.T, text string) (out map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func expand(t *testing.T, resource, text string) map[string]any {
	t.Helper()
	fields := fieldsOf(t, resource)
	raw, _ := json.Marshal(fill(fields, decode(t, text)))
	value, err := ctyjson.Unmarshal(raw, typeOf(fields))
	if err != nil {
		t.Fatal(err)
	}
	out, err := fields.Expand(value, value)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const program = `{
  "metadata": [{"name": "it", "namespace": "n", "labels": {"a": "b"}}],
  "spec": [{
    "replicas": "0",
    "revision_history_limit": 0,
    "selector": [{"match_labels": {"a": "b"}}],
    "strategy": [{"type": "RollingUpdate", "rolling_update": [{"max_surge": "25%", "max_unavailable": "0"}]}],
    "template": [{
      "metadata": [{"labels": {"a": "b"}}],
      "spec": [{
        "host_pid": true,
        "node_selector": {"kubernetes.io/os": "linux"},
        "image_pull_secrets": [{"name": "pull"}],
        "security_context": [{"run_as_user": "1000", "fs_group": "0", "supplemental_groups": [3, 5]}],
        "toleration": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "volume": [
          {"name": "a", "config_map": [{"name": "c", "default_mode": "0440", "items": [{"key": "k", "path": "p", "mode": "0400"}]}]},
          {"name": "b", "empty_dir": [{}]},
          {"name": "c", "projected": [{"sources": [{"service_account_token": [{"path": "token", "expiration_seconds": 3600}]}]}]}
        ],
        "container": [{
          "name": "main", "image": "i:1", "args": ["a", ""],
          "env": [{"name": "POD", "value_from": [{"field_ref": [{"field_path": "metadata.name"}]}]}],
          "port": [{"name": "http", "container_port": 8080}],
          "resources": [{"limits": {"memory": "64Mi"}}],
          "volume_mount": [{"name": "a", "mount_path": "/a", "sub_path": "p", "read_only": true}],
          "liveness_probe": [{"http_get": [{"path": "/", "port": "http"}], "period_seconds": 2}],
          "readiness_probe": [{"tcp_socket": [{"port": "8080"}]}],
          "lifecycle": [{"pre_stop": [{"exec": [{"command": ["sleep", "5"]}]}]}],
          "security_context": [{"allow_privilege_escalation": false, "capabilities": [{"drop": ["ALL"]}]}]
        }]
      }]
    }]
  }]
}`

const api = `{
  "metadata": {"name": "it", "namespace": "n", "labels": {"a": "b"}},
  "spec": {
    "replicas": 0,
    "revisionHistoryLimit": 0,
    "selector": {"matchLabels": {"a": "b"}},
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
    "template": {
      "metadata": {"labels": {"a": "b"}},
      "spec": {
        "hostPID": true,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "imagePullSecrets": [{"name": "pull"}],
        "securityContext": {"runAsNonRoot": false, "runAsUser": 1000, "fsGroup": 0, "supplementalGroups": [3, 5]},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "volumes": [
          {"name": "a", "configMap": {"name": "c", "defaultMode": 288, "optional": false, "items": [{"key": "k", "path": "p", "mode": 256}]}},
          {"name": "b", "emptyDir": {}},
          {"name": "c", "projected": {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}]}}
        ],
        "containers": [{
          "name": "main", "image": "i:1", "args": ["a", ""],
          "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
          "ports": [{"name": "http", "containerPort": 8080}],
          "resources": {"limits": {"memory": "64Mi"}},
          "volumeMounts": [{"name": "a", "mountPath": "/a", "subPath": "p", "readOnly": true}],
          "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 2},
          "readinessProbe": {"tcpSocket": {"port": 8080}},
          "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
          "securityContext": {"runAsNonRoot": false, "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}
        }]
      }
    }
  }
}`

func same(t *testing.T, have any, want string) {
	t.Helper()
	text, _ := json.Marshal(have)
	if got := decode(t, string(text)); !reflect.DeepEqual(got, decode(t, want)) {
		t.Errorf("%s", text)
	}
}

func TestAProgramBecomesAnObject(t *testing.T) {
	same(t, expand(t, "kubernetes_deployment_v1", program), api)
}

func TestAnObjectBecomesTheSameProgramAgain(t *testing.T) {
	var object map[string]any
	fields := fieldsOf(t, "kubernetes_deployment_v1")
	object = integers(decode(t, api)).(map[string]any)
	back := fields.Flatten(object, decode(t, program))
	raw, _ := json.Marshal(fill(fields, decode(t, string(must(json.Marshal(back))))))
	value, err := ctyjson.Unmarshal(raw, typeOf(fields))
	if err != nil {
		t.Fatal(err)
	}
	again, err := fields.Expand(value, value)
	if err != nil {
		t.Fatal(err)
	}
	// Once read, defaults of the schema are there too: all of the object must have come back.
	for _, lost := range missing("", decode(t, api), decode(t, string(must(json.Marshal(again))))) {
		t.Errorf("%s is lost", lost)
	}
}

func TestSecretsAreEncodedOnce(t *testing.T) {
	same(t, expand(t, "kubernetes_secret_v1", `{"data": {"a": "x"}, "binary_data": {"b": "AAEC"}}`),
		`{"data": {"a": "eA==", "b": "AAEC"}}`)
	same(t, expand(t, "kubernetes_config_map_v1", `{"data": {"a": "x"}, "binary_data": {"b": "AAEC"}}`),
		`{"data": {"a": "x"}, "binaryData": {"b": "AAEC"}}`)
}

func TestWhatTheClusterAddsIsNotOurs(t *testing.T) {
	fields := fieldsOf(t, "kubernetes_job_v1")
	object := integers(decode(t, `{
    "metadata": {"labels": {"job-name": "it", "batch.kubernetes.io/job-name": "it", "app.kubernetes.io/name": "it", "pod-security.kubernetes.io/warn": "x"}},
    "spec": {"selector": {"matchLabels": {"controller-uid": "u"}}, "template": {"spec": {"securityContext": {},
      "tolerations": [{"key": "node.kubernetes.io/not-ready"}]}}}}`)).(map[string]any)
	prior := decode(t, `{"metadata": [{"labels": {"pod-security.kubernetes.io/warn": "x"}}]}`)
	back := fields.Flatten(object, prior)
	labels := back["metadata"].([]any)[0].(map[string]any)["labels"].(map[string]any)
	if len(labels) != 2 || labels["app.kubernetes.io/name"] != "it" || labels["pod-security.kubernetes.io/warn"] != "x" {
		t.Errorf("%v", labels)
	}
	template := back["spec"].([]any)[0].(map[string]any)["template"].([]any)[0].(map[string]any)["spec"].([]any)[0].(map[string]any)
	if n := len(template["security_context"].([]any)) + len(template["toleration"].([]any)); n != 0 {
		t.Errorf("%v", template)
	}
}

// integers turns JSON's numbers into those that the API's client makes.
func integers(v any) any {
	switch v := v.(type) {
	case float64:
		return int64(v)
	case map[string]any:
		for k, inner := range v {
			v[k] = integers(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = integers(inner)
		}
	}
	return v
}

func must(raw []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return raw
}

// missing are the paths of what want has and have has not.
func missing(at string, want, have any) (out []string) {
	switch want := want.(type) {
	case map[string]any:
		object, _ := have.(map[string]any)
		for k, v := range want {
			out = append(out, missing(at+"."+k, v, object[k])...)
		}
		return out
	case []any:
		list, _ := have.([]any)
		for i, v := range want {
			var inner any
			if i < len(list) {
				inner = list[i]
			}
			out = append(out, missing(at, v, inner)...)
		}
		return out
	}
	if !reflect.DeepEqual(want, have) {
		return []string{at}
	}
	return nil
}
