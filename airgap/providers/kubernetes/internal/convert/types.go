package convert

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// Types are the API's own types, by Terraform's names.
var Types = map[string]any{
	"kubernetes_namespace_v1":                 corev1.Namespace{},
	"kubernetes_deployment_v1":                appsv1.Deployment{},
	"kubernetes_stateful_set_v1":              appsv1.StatefulSet{},
	"kubernetes_daemon_set_v1":                appsv1.DaemonSet{},
	"kubernetes_job_v1":                       batchv1.Job{},
	"kubernetes_cron_job_v1":                  batchv1.CronJob{},
	"kubernetes_service_v1":                   corev1.Service{},
	"kubernetes_config_map_v1":                corev1.ConfigMap{},
	"kubernetes_secret_v1":                    corev1.Secret{},
	"kubernetes_persistent_volume_claim_v1":   corev1.PersistentVolumeClaim{},
	"kubernetes_service_account_v1":           corev1.ServiceAccount{},
	"kubernetes_role_v1":                      rbacv1.Role{},
	"kubernetes_role_binding_v1":              rbacv1.RoleBinding{},
	"kubernetes_cluster_role_v1":              rbacv1.ClusterRole{},
	"kubernetes_cluster_role_binding_v1":      rbacv1.ClusterRoleBinding{},
	"kubernetes_network_policy_v1":            networkingv1.NetworkPolicy{},
	"kubernetes_pod_disruption_budget_v1":     policyv1.PodDisruptionBudget{},
	"kubernetes_horizontal_pod_autoscaler_v2": autoscalingv2.HorizontalPodAutoscaler{},
	"kubernetes_ingress_v1":                   networkingv1.Ingress{},
	"kubernetes_resource_quota_v1":            corev1.ResourceQuota{},
	"kubernetes_limit_range_v1":               corev1.LimitRange{},
}

// IsControl says that an argument is the provider's own and not the API's.
func IsControl(name string) bool {
	return strings.HasPrefix(name, "wait_") || name == "default_secret_name"
}
