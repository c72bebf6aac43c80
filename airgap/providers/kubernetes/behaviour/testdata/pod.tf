template {

  metadata {
    labels      = { app = "APP" }
    annotations = { "kubectl.kubernetes.io/restartedAt" = "x", a = "b" }
  }
  spec {
    automount_service_account_token  = false
    enable_service_links             = false
    termination_grace_period_seconds = 45
    restart_policy                   = "RESTART"
    scheduler_name                   = "nobody"
    service_account_name             = "it"
    image_pull_secrets { name = "pull" }
    node_selector = { "kubernetes.io/os" = "linux" }
    security_context {
      run_as_non_root        = true
      run_as_user            = "1000"
      run_as_group           = "1000"
      fs_group               = "1000"
      fs_group_change_policy = "OnRootMismatch"
      supplemental_groups    = [5, 3]
      seccomp_profile { type = "RuntimeDefault" }
    }
    toleration {
      key      = "nvidia.com/gpu"
      operator = "Exists"
      effect   = "NoSchedule"
    }
    topology_spread_constraint {
      max_skew           = 1
      topology_key       = "kubernetes.io/hostname"
      when_unsatisfiable = "ScheduleAnyway"
      label_selector { match_labels = { app = "APP" } }
    }
    affinity {
      pod_anti_affinity {
        preferred_during_scheduling_ignored_during_execution {
          weight = 1
          pod_affinity_term {
            topology_key = "kubernetes.io/hostname"
            label_selector { match_labels = { app = "APP" } }
          }
        }
      }
    }
    volume {
      name = "cm"
      config_map {
        name         = "it"
        default_mode = "0440"
        optional     = true
        items {
          key  = "a"
          path = "a.txt"
          mode = "0400"
        }
      }
    }
    volume {
      name = "sec"
      secret {
        secret_name  = "it"
        default_mode = "0440"
      }
    }
    volume {
      name = "tmp"
      empty_dir { size_limit = "64Mi" }
    }
    volume {
      name = "e"
      empty_dir {}
    }
    volume {
      name = "proj"
      projected {
        default_mode = "0440"
        sources {
          service_account_token {
            path               = "token"
            expiration_seconds = 3600
          }
        }
        sources {
          config_map {
            name = "kube-root-ca.crt"
            items {
              key  = "ca.crt"
              path = "ca.crt"
            }
          }
        }
        sources {
          downward_api {
            items {
              path = "ns"
              field_ref { field_path = "metadata.namespace" }
            }
          }
        }
      }
    }
    init_container {
      name  = "init"
      image = "IMAGE"
      security_context {
        allow_privilege_escalation = false
        run_as_non_root            = true
        read_only_root_filesystem  = true
        capabilities { drop = ["ALL"] }
      }
    }
    container {
      name    = "c"
      image   = "IMAGE"
      command = ["/x"]
      args    = ["a", "b"]
      env {
        name  = "A"
        value = "1"
      }
      env {
        name  = "EMPTY"
        value = ""
      }
      env {
        name = "POD"
        value_from {
          field_ref { field_path = "metadata.name" }
        }
      }
      port {
        name           = "http"
        container_port = 8080
      }
      resources {
        requests = { cpu = "0.1", memory = "64Mi" }
        limits   = { memory = "1024Mi", cpu = "1" }
      }
      volume_mount {
        name       = "cm"
        mount_path = "/etc/x/a.txt"
        sub_path   = "a.txt"
        read_only  = true
      }
      startup_probe {
        http_get {
          path = "/health"
          port = "http"
          http_header {
            name  = "x"
            value = "y"
          }
        }
        failure_threshold = 30
        period_seconds    = 2
      }
      readiness_probe {
        tcp_socket { port = 8080 }
        timeout_seconds = 5
      }
      liveness_probe {
        exec { command = ["true"] }
        initial_delay_seconds = 3
      }
      lifecycle {
        pre_stop {
          exec { command = ["sleep", "5"] }
        }
      }
      security_context {
        allow_privilege_escalation = false
        run_as_non_root            = true
        read_only_root_filesystem  = true
        capabilities { drop = ["ALL"] }
        seccomp_profile { type = "RuntimeDefault" }
      }
    }
  }

}
