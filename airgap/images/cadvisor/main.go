// Command cadvisor serves cAdvisor's container metrics for Docker, with the flags of the published program that
// matter here. The published program is a Go module that cannot be installed by its path; its library can.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/cadvisor/cache/memory"
	"github.com/google/cadvisor/container"
	_ "github.com/google/cadvisor/container/docker/install"
	v2 "github.com/google/cadvisor/info/v2"
	"github.com/google/cadvisor/manager"
	"github.com/google/cadvisor/metrics"
	"github.com/google/cadvisor/utils/sysfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

var (
	listenIP     = flag.String("listen_ip", "", "IP to listen on; empty is all of them")
	port         = flag.Int("port", 8080, "port to listen on")
	endpoint     = flag.String("prometheus_endpoint", "/metrics", "path of the metrics")
	storage      = flag.Duration("storage_duration", 2*time.Minute, "how long to keep samples in memory")
	storeLabels  = flag.Bool("store_container_labels", true, "turn all container labels into metric labels")
	labels       = flag.String("whitelisted_container_labels", "", "container labels to keep without store_container_labels")
	environment  = flag.String("env_metadata_whitelist", "", "container environment variables to turn into metric labels")
	rawPrefixes  = flag.String("raw_cgroup_prefix_whitelist", "", "cgroup paths to report in spite of docker_only")
	ignored      = kinds("advtcp,cpu_topology,cpuset,hugetlb,memory_numa,process,referenced_memory,resctrl,sched,tcp,udp")
	enabledKinds = container.MetricSet{}
)

// kinds parses a list of metric kinds that is known to be right.
func kinds(list string) container.MetricSet {
	set := container.MetricSet{}
	if err := set.Set(list); err != nil {
		panic(err)
	}
	return set
}

// list splits a flag's value at its commas. The library wants one empty name, not an empty list, where there is none.
func list(value string) []string {
	return strings.Split(value, ",")
}

// included is what enable_metrics names, or else everything that disable_metrics does not.
func included() container.MetricSet {
	if len(enabledKinds) > 0 {
		return enabledKinds
	}
	return container.AllMetrics.Difference(ignored)
}

// collector gathers the metrics of all containers and of the machine, and the program's own.
func collector(m manager.Manager) http.Handler {
	names := metrics.BaseContainerLabels(list(*labels))
	if *storeLabels {
		names = metrics.DefaultContainerLabels
	}
	options := v2.RequestOptions{IdType: v2.TypeName, Count: 1, Recursive: true}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		metrics.NewPrometheusCollector(m, names, included(), clock.RealClock{}, options),
		metrics.NewPrometheusMachineCollector(m, included()),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

func run() error {
	m, err := manager.New(memory.New(*storage, nil), sysfs.NewRealSysFs(), manager.HousekeepingConfigFlags, included(),
		&http.Client{Timeout: 10 * time.Second}, list(*rawPrefixes), list(*environment), "", 0)
	if err != nil {
		return fmt.Errorf("create the manager: %w", err)
	}
	if err := m.Start(); err != nil {
		return fmt.Errorf("start the manager: %w", err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		_ = m.Stop()
		os.Exit(0)
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	mux.Handle(*endpoint, collector(m))
	address := net.JoinHostPort(*listenIP, strconv.Itoa(*port))
	klog.Infof("serving %s on %s", *endpoint, address)
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

func main() {
	klog.InitFlags(nil)
	flag.Var(&ignored, "disable_metrics", "comma-separated kinds of metrics to leave out")
	flag.Var(&enabledKinds, "enable_metrics", "comma-separated kinds of metrics to serve, instead of disable_metrics")
	flag.Parse()
	if err := run(); err != nil {
		klog.Fatalf("cadvisor: %v", err)
	}
}
