package published

import "strings"

// Fact is what the published schema says of an argument and its bindings leave out.
type Fact struct {
	// Default is what stands when nothing is given.
	Default any
	// Computed says that the cluster fills in what is not given.
	Computed bool
	// Replaces says that a change makes another object.
	Replaces  bool
	Sensitive bool
}

// A place is the end of a dotted path; ".*" at its end stands for everything beneath as well.
type factAt struct {
	place string
	Fact
}

var (
	computed = Fact{Computed: true}
	replaces = Fact{Replaces: true}
	both     = Fact{Computed: true, Replaces: true}
)

func defaults(value any) Fact { return Fact{Default: value} }

// Every matching line adds what it says; the last default wins.
var facts = []factAt{
	{"metadata.name", both},
	{"metadata.generate_name", replaces},
	{"metadata.namespace", Fact{Default: "default", Replaces: true}},
	{"template.metadata.namespace", defaults("")},
	{"volume_claim_template.metadata.namespace", defaults("default")},

	// Pods.
	{"spec.automount_service_account_token", defaults(true)},
	{"spec.dns_policy", defaults("ClusterFirst")},
	{"spec.enable_service_links", defaults(true)},
	{"spec.host_ipc", defaults(false)},
	{"spec.host_network", defaults(false)},
	{"spec.host_pid", defaults(false)},
	{"spec.hostname", computed},
	{"spec.image_pull_secrets", computed},
	{"spec.node_name", computed},
	{"spec.readiness_gate", computed},
	{"template.spec.restart_policy", defaults("Always")},
	{"spec.scheduler_name", computed},
	{"spec.service_account_name", computed},
	{"spec.share_process_namespace", defaults(false)},
	{"spec.termination_grace_period_seconds", defaults(30)},
	{"toleration.operator", defaults("Equal")},
	{"topology_spread_constraint.max_skew", defaults(1)},
	{"topology_spread_constraint.when_unsatisfiable", defaults("DoNotSchedule")},
	{"topology_spread_constraint.node_affinity_policy", computed},
	{"topology_spread_constraint.node_taints_policy", computed},
	{"container.image_pull_policy", computed},
	{"container.resources", computed},
	{"container.resources.limits", computed},
	{"container.resources.requests", computed},
	{"container.stdin", defaults(false)},
	{"container.stdin_once", defaults(false)},
	{"container.termination_message_path", defaults("/dev/termination-log")},
	{"container.termination_message_policy", computed},
	{"container.tty", defaults(false)},
	{"container.port.protocol", defaults("TCP")},
	{"volume_mount.mount_propagation", defaults("None")},
	{"volume_mount.read_only", defaults(false)},
	{"probe.failure_threshold", defaults(3)},
	{"probe.period_seconds", defaults(10)},
	{"probe.success_threshold", defaults(1)},
	{"probe.timeout_seconds", defaults(1)},
	{"http_get.scheme", defaults("HTTP")},
	{"container.security_context.allow_privilege_escalation", defaults(true)},
	{"container.security_context.privileged", defaults(false)},
	{"container.security_context.read_only_root_filesystem", defaults(false)},
	{"seccomp_profile.type", defaults("Unconfined")},
	{"field_ref.api_version", defaults("v1")},
	{"resource_field_ref.divisor", defaults("1")},
	{"config_map.default_mode", defaults("0644")},
	{"secret.default_mode", defaults("0644")},
	{"downward_api.default_mode", defaults("0644")},
	{"projected.default_mode", defaults("0644")},
	{"empty_dir.medium", defaults("")},
	{"persistent_volume_claim.read_only", defaults(false)},
	{"service_account_token.expiration_seconds", defaults(3600)},

	{"deployment_v1.spec.min_ready_seconds", defaults(0)},
	{"deployment_v1.spec.paused", defaults(false)},
	{"deployment_v1.spec.progress_deadline_seconds", defaults(600)},
	{"deployment_v1.spec.replicas", computed},
	{"deployment_v1.spec.revision_history_limit", defaults(10)},
	{"deployment_v1.spec.selector.*", replaces},
	{"strategy", computed},
	{"strategy.type", defaults("RollingUpdate")},
	{"strategy.rolling_update", computed},
	{"deployment_v1.spec.strategy.rolling_update.max_surge", defaults("25%")},
	{"deployment_v1.spec.strategy.rolling_update.max_unavailable", defaults("25%")},
	{"deployment_v1.wait_for_rollout", defaults(true)},

	{"daemon_set_v1.spec.min_ready_seconds", defaults(0)},
	{"daemon_set_v1.spec.revision_history_limit", defaults(10)},
	{"daemon_set_v1.spec.selector.*", replaces},
	{"daemon_set_v1.spec.strategy.rolling_update.max_surge", defaults("0")},
	{"daemon_set_v1.spec.strategy.rolling_update.max_unavailable", defaults("1")},
	{"daemon_set_v1.wait_for_rollout", defaults(true)},

	{"stateful_set_v1.spec.min_ready_seconds", defaults(0)},
	{"stateful_set_v1.spec.pod_management_policy", both},
	{"stateful_set_v1.spec.replicas", computed},
	{"stateful_set_v1.spec.revision_history_limit", both},
	{"stateful_set_v1.spec.selector.*", replaces},
	{"stateful_set_v1.spec.service_name", replaces},
	{"update_strategy", computed},
	{"update_strategy.type", defaults("RollingUpdate")},
	{"update_strategy.rolling_update", computed},
	{"update_strategy.rolling_update.partition", defaults(0)},
	{"persistent_volume_claim_retention_policy", computed},
	{"when_deleted", defaults("Retain")},
	{"when_scaled", defaults("Retain")},
	{"volume_claim_template.*", replaces},
	{"stateful_set_v1.wait_for_rollout", defaults(true)},

	{"job_v1.metadata.labels", computed},
	{"job_v1.spec.active_deadline_seconds", replaces},
	{"job_v1.spec.backoff_limit", Fact{Default: 6, Replaces: true}},
	{"job_v1.spec.backoff_limit_per_index", replaces},
	{"job_v1.spec.completion_mode", both},
	{"job_v1.spec.completions", Fact{Default: 1, Replaces: true}},
	{"job_v1.spec.manual_selector", replaces},
	{"job_v1.spec.max_failed_indexes", replaces},
	{"job_v1.spec.parallelism", defaults(1)},
	{"job_v1.spec.pod_failure_policy.*", replaces},
	{"job_v1.spec.selector", computed},
	{"job_v1.spec.selector.*", replaces},
	{"job_v1.spec.template.*", replaces},
	{"job_v1.spec.ttl_seconds_after_finished", replaces},
	{"job_v1.spec.template.spec.restart_policy", defaults("Never")},
	{"job_v1.wait_for_completion", defaults(true)},

	{"cron_job_v1.spec.concurrency_policy", defaults("Allow")},
	{"cron_job_v1.spec.failed_jobs_history_limit", defaults(1)},
	{"cron_job_v1.spec.starting_deadline_seconds", defaults(0)},
	{"cron_job_v1.spec.successful_jobs_history_limit", defaults(3)},
	{"cron_job_v1.spec.suspend", defaults(false)},
	{"job_template.spec.backoff_limit", defaults(6)},
	{"job_template.spec.completion_mode", computed},
	{"job_template.spec.completions", defaults(1)},
	{"job_template.spec.parallelism", defaults(1)},
	{"job_template.spec.selector", computed},
	{"job_template.spec.template.spec.restart_policy", defaults("Never")},

	{"service_v1.spec.allocate_load_balancer_node_ports", defaults(true)},
	{"service_v1.spec.cluster_ip", both},
	{"service_v1.spec.cluster_ips", both},
	{"service_v1.spec.external_traffic_policy", computed},
	{"service_v1.spec.health_check_node_port", both},
	{"service_v1.spec.internal_traffic_policy", computed},
	{"service_v1.spec.ip_families", computed},
	{"service_v1.spec.ip_family_policy", computed},
	{"service_v1.spec.load_balancer_class", replaces},
	{"service_v1.spec.port.node_port", computed},
	{"service_v1.spec.port.protocol", defaults("TCP")},
	{"service_v1.spec.port.target_port", computed},
	{"service_v1.spec.publish_not_ready_addresses", defaults(false)},
	{"service_v1.spec.session_affinity", defaults("None")},
	{"session_affinity_config", computed},
	{"session_affinity_config.client_ip", computed},
	{"session_affinity_config.client_ip.timeout_seconds", computed},
	{"service_v1.spec.type", defaults("ClusterIP")},
	{"service_v1.wait_for_load_balancer", defaults(true)},

	{"secret_v1.data", Fact{Computed: true, Sensitive: true}},
	{"secret_v1.binary_data", Fact{Sensitive: true}},
	{"secret_v1.type", Fact{Default: "Opaque", Replaces: true}},
	{"secret_v1.wait_for_service_account_token", defaults(true)},

	{"persistent_volume_claim_v1.spec.access_modes", replaces},
	{"persistent_volume_claim_v1.spec.resources.limits", replaces},
	{"persistent_volume_claim_v1.spec.selector.*", replaces},
	{"spec.storage_class_name", computed},
	{"spec.volume_mode", computed},
	{"spec.volume_name", computed},
	{"persistent_volume_claim_v1.spec.storage_class_name", replaces},
	{"persistent_volume_claim_v1.spec.volume_mode", replaces},
	{"persistent_volume_claim_v1.spec.volume_name", replaces},
	{"persistent_volume_claim_v1.wait_until_bound", defaults(true)},

	{"namespace_v1.wait_for_default_service_account", defaults(false)},
	{"service_account_v1.automount_service_account_token", defaults(true)},
	{"role_ref.*", replaces},
	{"subject.api_group", computed},
	{"subject.namespace", defaults("default")},
	{"network_policy_v1.spec.ingress.ports.protocol", defaults("TCP")},
	{"network_policy_v1.spec.egress.ports.protocol", defaults("TCP")},
	{"pod_disruption_budget_v1.spec.*", replaces},
	{"horizontal_pod_autoscaler_v2.spec.min_replicas", defaults(1)},
	{"horizontal_pod_autoscaler_v2.spec.metric", computed},
	{"horizontal_pod_autoscaler_v2.spec.behavior", computed},
	{"behavior.scale_down", computed},
	{"behavior.scale_up", computed},
	{"scale_down.select_policy", computed},
	{"scale_up.select_policy", computed},
	{"scale_down.stabilization_window_seconds", computed},
	{"scale_up.stabilization_window_seconds", computed},
	{"ingress_v1.spec.ingress_class_name", computed},
	{"http.path.path_type", defaults("ImplementationSpecific")},
	{"resource_quota_v1.spec.scopes", replaces},
	{"scope_selector.*", replaces},
	{"limit_range_v1.spec.limit.default_request", computed},
}

// know writes the facts into a resource.
func know(resource string, block Block) {
	walk(strings.TrimPrefix(resource, "kubernetes_"), block, func(path string, n *Node) {
		for _, f := range facts {
			if !f.stands(path) {
				continue
			}
			if f.Default != nil {
				n.Default = f.Default
			}
			n.Computed, n.Replaces = n.Computed || f.Computed, n.Replaces || f.Replaces
			n.Sensitive = n.Sensitive || f.Sensitive
		}
		// Terraform wants no default where something must be given, or where nothing can be.
		if n.Required || n.ReadOnly || n.Default == "" {
			n.Default = nil
		}
	})
}

func (f factAt) stands(path string) bool {
	place, beneath := strings.CutSuffix(f.place, ".*")
	if beneath && strings.Contains("."+path+".", "."+place+".") {
		return true
	}
	rest, ends := strings.CutSuffix(path, place)
	// "probe." and "container." stand for liveness_probe and init_container too.
	return ends && (rest == "" || strings.HasSuffix(rest, ".") || strings.HasSuffix(rest, "_"))
}

func walk(at string, block Block, visit func(path string, n *Node)) {
	for name, n := range block {
		path := at + "." + name
		visit(path, n)
		walk(path, n.Block, visit)
	}
}

// Walk visits every argument and block of a resource.
func (r Resource) Walk(visit func(path string, n *Node)) { walk("", r.Block, visit) }
