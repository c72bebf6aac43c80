package provider

import (
	"time"

	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
)

// kind is where objects of one type live in the API, and what is special about them.
type kind struct {
	apischema.GroupVersionResource
	name         string
	clusterScope bool
	// patience is how long an operation may take unless the timeouts block says otherwise.
	patience time.Duration
	// wait looks at an object after a change, when the argument of that name is true.
	wait   string
	onlyAt string // "create": a change is not waited for
	ready  func(o *unstructured.Unstructured) error
	// mend corrects an object before it is sent.
	mend func(o map[string]any)
	// foreground has the object's pods deleted before the object.
	foreground    bool
	customizeDiff schema.CustomizeDiffFunc
	schemaVersion int
}

func at(group, version, resource string) apischema.GroupVersionResource {
	return apischema.GroupVersionResource{Group: group, Version: version, Resource: resource}
}

var kinds = map[string]kind{
	"kubernetes_namespace_v1": {GroupVersionResource: at("", "v1", "namespaces"), name: "Namespace", clusterScope: true,
		patience: 5 * time.Minute},
	"kubernetes_deployment_v1": {GroupVersionResource: at("apps", "v1", "deployments"), name: "Deployment",
		patience: 10 * time.Minute, wait: "wait_for_rollout", ready: deploymentReady, mend: mendStrategy, schemaVersion: 1},
	"kubernetes_stateful_set_v1": {GroupVersionResource: at("apps", "v1", "statefulsets"), name: "StatefulSet",
		patience: 10 * time.Minute, wait: "wait_for_rollout", ready: statefulSetReady, mend: mendStrategy, schemaVersion: 1},
	"kubernetes_daemon_set_v1": {GroupVersionResource: at("apps", "v1", "daemonsets"), name: "DaemonSet",
		patience: 10 * time.Minute, wait: "wait_for_rollout", ready: daemonSetReady, mend: mendStrategy, schemaVersion: 1},
	"kubernetes_job_v1": {GroupVersionResource: at("batch", "v1", "jobs"), name: "Job", foreground: true,
		patience: time.Minute, wait: "wait_for_completion", ready: jobReady, schemaVersion: 1},
	"kubernetes_cron_job_v1": {GroupVersionResource: at("batch", "v1", "cronjobs"), name: "CronJob", foreground: true,
		patience: time.Minute, mend: mendCronJob},
	"kubernetes_service_v1": {GroupVersionResource: at("", "v1", "services"), name: "Service",
		patience: 10 * time.Minute, wait: "wait_for_load_balancer", onlyAt: "create", ready: serviceReady,
		mend: mendService, schemaVersion: 1},
	"kubernetes_config_map_v1": {GroupVersionResource: at("", "v1", "configmaps"), name: "ConfigMap",
		customizeDiff: replaceImmutable},
	"kubernetes_secret_v1": {GroupVersionResource: at("", "v1", "secrets"), name: "Secret", patience: time.Minute,
		wait: "wait_for_service_account_token", onlyAt: "create", ready: secretReady, customizeDiff: replaceImmutable},
	"kubernetes_persistent_volume_claim_v1": {GroupVersionResource: at("", "v1", "persistentvolumeclaims"),
		name: "PersistentVolumeClaim", patience: 5 * time.Minute, wait: "wait_until_bound", onlyAt: "create",
		ready: claimReady, customizeDiff: replaceShrunk},
	"kubernetes_service_account_v1": {GroupVersionResource: at("", "v1", "serviceaccounts"), name: "ServiceAccount",
		patience: 30 * time.Second},
	"kubernetes_role_v1": {GroupVersionResource: at("rbac.authorization.k8s.io", "v1", "roles"), name: "Role"},
	"kubernetes_role_binding_v1": {GroupVersionResource: at("rbac.authorization.k8s.io", "v1", "rolebindings"),
		name: "RoleBinding", mend: mendBinding},
	"kubernetes_cluster_role_v1": {GroupVersionResource: at("rbac.authorization.k8s.io", "v1", "clusterroles"),
		name: "ClusterRole", clusterScope: true},
	"kubernetes_cluster_role_binding_v1": {GroupVersionResource: at("rbac.authorization.k8s.io", "v1", "clusterrolebindings"),
		name: "ClusterRoleBinding", clusterScope: true, mend: mendBinding},
	"kubernetes_network_policy_v1": {GroupVersionResource: at("networking.k8s.io", "v1", "networkpolicies"), name: "NetworkPolicy"},
	"kubernetes_pod_disruption_budget_v1": {GroupVersionResource: at("policy", "v1", "poddisruptionbudgets"),
		name: "PodDisruptionBudget"},
	"kubernetes_horizontal_pod_autoscaler_v2": {GroupVersionResource: at("autoscaling", "v2", "horizontalpodautoscalers"),
		name: "HorizontalPodAutoscaler"},
	"kubernetes_ingress_v1": {GroupVersionResource: at("networking.k8s.io", "v1", "ingresses"), name: "Ingress",
		patience: 20 * time.Minute, wait: "wait_for_load_balancer", onlyAt: "create", ready: ingressReady},
	"kubernetes_resource_quota_v1": {GroupVersionResource: at("", "v1", "resourcequotas"), name: "ResourceQuota",
		patience: time.Minute},
	"kubernetes_limit_range_v1": {GroupVersionResource: at("", "v1", "limitranges"), name: "LimitRange"},
}

func specOf(o map[string]any) map[string]any {
	spec, _ := o["spec"].(map[string]any)
	return spec
}

// mendStrategy takes out the limits of a rolling update that the state keeps when the strategy is another one now.
func mendStrategy(o map[string]any) {
	for _, name := range []string{"strategy", "updateStrategy"} {
		if s, ok := specOf(o)[name].(map[string]any); ok && s["type"] != nil && s["type"] != "RollingUpdate" {
			delete(s, "rollingUpdate")
		}
	}
}

// mendCronJob takes out a deadline of 0, which stands for none.
func mendCronJob(o map[string]any) {
	if spec := specOf(o); spec["startingDeadlineSeconds"] == int64(0) {
		delete(spec, "startingDeadlineSeconds")
	}
}

// mendService takes out what only some types of services have.
func mendService(o map[string]any) {
	spec := specOf(o)
	if spec["type"] != "LoadBalancer" {
		delete(spec, "allocateLoadBalancerNodePorts")
		delete(spec, "healthCheckNodePort")
	}
	if spec["type"] == "LoadBalancer" || spec["type"] == "NodePort" {
		return
	}
	delete(spec, "externalTrafficPolicy")
	ports, _ := spec["ports"].([]any)
	for _, p := range ports {
		delete(p.(map[string]any), "nodePort")
	}
}

// mendBinding takes the namespace from subjects that have none.
func mendBinding(o map[string]any) {
	subjects, _ := o["subjects"].([]any)
	for _, s := range subjects {
		if subject := s.(map[string]any); subject["kind"] != "ServiceAccount" {
			delete(subject, "namespace")
		}
	}
}
