resource "kubernetes_config_map_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
    labels = {
      name = "it"
      tier = "x"
    }
  }
  data        = { a = "1", "b.txt" = "x\ny" }
  binary_data = { bin = "AAEC" }
}
resource "kubernetes_secret_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  data = { a = "secret" }
  type = "Opaque"
}
resource "kubernetes_service_account_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  automount_service_account_token = false
}
resource "kubernetes_role_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  rule {
    api_groups = [""]
    resources  = ["pods"]
    verbs      = ["get", "list"]
  }
}
resource "kubernetes_role_binding_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "Role"
    name      = kubernetes_role_v1.it.metadata[0].name
  }
  subject {
    kind      = "ServiceAccount"
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
}
resource "kubernetes_cluster_role_v1" "it" {
  metadata { name = "$" }
  rule {
    api_groups = [""]
    resources  = ["nodes"]
    verbs      = ["get"]
  }
}
resource "kubernetes_cluster_role_binding_v1" "it" {
  metadata { name = "$" }
  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "ClusterRole"
    name      = "$"
  }
  subject {
    kind      = "ServiceAccount"
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
}
resource "kubernetes_network_policy_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  spec {
    pod_selector {}
    policy_types = ["Ingress", "Egress"]
    ingress {
      from {
        pod_selector { match_labels = { app = "x" } }
        namespace_selector { match_labels = { "kubernetes.io/metadata.name" = "x" } }
      }
      ports {
        port     = "80"
        protocol = "TCP"
      }
    }
    egress {
      to {
        ip_block { cidr = "10.0.0.0/8" }
      }
      ports { port = "http" }
    }
  }
}
resource "kubernetes_pod_disruption_budget_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  spec {
    max_unavailable = "1"
    selector { match_labels = { app = "x" } }
  }
}
resource "kubernetes_resource_quota_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  spec { hard = { "requests.cpu" = "50000m", "pods" = "30", "limits.memory" = "102400Mi" } }
}
resource "kubernetes_limit_range_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  spec {
    limit {
      type            = "Container"
      default         = { cpu = "100m", memory = "64Mi" }
      default_request = { cpu = "10m", memory = "16Mi" }
    }
  }
}
resource "kubernetes_service_v1" "it" {
  metadata {
    name        = "it"
    namespace   = kubernetes_namespace_v1.namespace.metadata[0].name
    annotations = { "cdktf-mlops.forward" = "x" }
  }
  spec {
    selector = { app = "x" }
    port {
      name        = "http"
      port        = 80
      target_port = "http"
    }
    port {
      name        = "m"
      port        = 81
      target_port = 9090
    }
  }
}
resource "kubernetes_service_v1" "headless" {
  metadata {
    name      = "headless"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  spec {
    selector   = { app = "y" }
    cluster_ip = "None"
    port { port = 80 }
  }
}
resource "kubernetes_ingress_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  spec {
    rule {
      host = "x.example"
      http {
        path {
          path = "/"
          backend {
            service {
              name = "it"
              port { number = 80 }
            }
          }
        }
      }
    }
    tls {
      hosts       = ["x.example"]
      secret_name = "t"
    }
  }
}
resource "kubernetes_horizontal_pod_autoscaler_v2" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  spec {
    min_replicas = 2
    max_replicas = 4
    scale_target_ref {
      api_version = "apps/v1"
      kind        = "Deployment"
      name        = "it"
    }
    metric {
      type = "Resource"
      resource {
        name = "cpu"
        target {
          type                = "Utilization"
          average_utilization = 80
        }
      }
    }
    behavior {
      scale_down {
        stabilization_window_seconds = 300
        select_policy                = "Max"
        policy {
          type           = "Pods"
          value          = 1
          period_seconds = 60
        }
      }
    }
  }
}
resource "kubernetes_persistent_volume_claim_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  wait_until_bound = false
  spec {
    access_modes = ["ReadWriteOnce"]
    resources { requests = { storage = "1024Mi" } }
  }
}
resource "kubernetes_cron_job_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  spec {
    schedule           = "0 3 * * *"
    suspend            = true
    concurrency_policy = "Forbid"
    timezone           = "Etc/UTC"
    job_template {
      metadata { labels = { a = "b" } }
      spec {
        backoff_limit = 0
        template {
          metadata { labels = { a = "b" } }
          spec {
            restart_policy = "Never"
            container {
              name    = "c"
              image   = "image:cron"
              command = ["a"]
              args    = ["b", ""]
            }
          }
        }
      }
    }
  }
}

resource "kubernetes_config_map_v1" "frozen" {
  metadata {
    name      = "frozen"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
  }
  immutable = true
  data      = { b = "frozen" }
}

resource "kubernetes_deployment_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
    labels    = { name = "web" }
  }

  spec {
    replicas = "2"
    selector {
      match_labels = { app = "web" }
    }
    strategy {
      rolling_update {
        max_unavailable = "0"
        max_surge       = "1"
      }
    }
    # pod: web image:1 
  }
}

resource "kubernetes_stateful_set_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
    labels    = { name = "set" }
  }

  spec {
    service_name = "headless"
    selector {
      match_labels = { app = "set" }
    }
    # pod: set image:1 
  }
}

resource "kubernetes_daemon_set_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
    labels    = { name = "node" }
  }

  spec {
    selector {
      match_labels = { app = "node" }
    }
    # pod: node image:1 
  }
}

resource "kubernetes_job_v1" "it" {
  metadata {
    name      = "it"
    namespace = kubernetes_namespace_v1.namespace.metadata[0].name
    labels    = { name = "job" }
  }
  wait_for_completion = false
  spec {
    backoff_limit           = 0
    active_deadline_seconds = 600
    # pod: job image:job Never
  }
}
