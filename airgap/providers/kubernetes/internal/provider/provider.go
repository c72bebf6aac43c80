// Package provider is the kubernetes provider: objects of one cluster, made, changed and waited for as the published
// provider does.
package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// New makes the provider.
func New() *schema.Provider {
	p := &schema.Provider{ResourcesMap: resources(), Schema: map[string]*schema.Schema{
		"config_path":              text("KUBE_CONFIG_PATH", false),
		"config_paths":             {Type: schema.TypeList, Optional: true, Elem: &schema.Schema{Type: schema.TypeString}},
		"config_context":           text("KUBE_CTX", false),
		"config_context_auth_info": text("KUBE_CTX_AUTH_INFO", false),
		"config_context_cluster":   text("KUBE_CTX_CLUSTER", false),
		"host":                     text("KUBE_HOST", false),
		"token":                    text("KUBE_TOKEN", true),
		"client_certificate":       text("KUBE_CLIENT_CERT_DATA", false),
		"client_key":               text("KUBE_CLIENT_KEY_DATA", true),
		"cluster_ca_certificate":   text("KUBE_CLUSTER_CA_CERT_DATA", false),
		"tls_server_name":          text("KUBE_TLS_SERVER_NAME", false),
		"proxy_url":                text("KUBE_PROXY_URL", false),
		"insecure":                 {Type: schema.TypeBool, Optional: true, DefaultFunc: schema.EnvDefaultFunc("KUBE_INSECURE", false)},
	}}
	p.Schema["config_path"].ConflictsWith = []string{"config_paths"}
	p.ConfigureContextFunc = configure
	return p
}

func text(variable string, sensitive bool) *schema.Schema {
	return &schema.Schema{Type: schema.TypeString, Optional: true, Sensitive: sensitive,
		DefaultFunc: schema.EnvDefaultFunc(variable, nil)}
}

// cluster is what resources work with.
type cluster struct {
	client dynamic.Interface
	host   string
}

func configure(_ context.Context, d *schema.ResourceData) (any, diag.Diagnostics) {
	config, err := restConfig(d)
	if err != nil {
		return nil, diag.FromErr(err)
	}
	config.UserAgent = "cdktf-mlops"
	config.QPS, config.Burst = 100, 100
	config.WarningHandlerWithContext = warnings{}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, diag.FromErr(err)
	}
	return &cluster{client, config.Host}, nil
}

func restConfig(d *schema.ResourceData) (*rest.Config, error) {
	given := func(name string) string { return d.Get(name).(string) }
	loader, overrides := &clientcmd.ClientConfigLoadingRules{}, &clientcmd.ConfigOverrides{}
	paths, err := configPaths(d)
	if err != nil {
		return nil, err
	}
	if len(paths) == 1 {
		loader.ExplicitPath = paths[0]
	} else {
		loader.Precedence = paths
	}
	if len(paths) > 0 {
		overrides.CurrentContext = given("config_context")
		overrides.Context = clientcmdapi.Context{AuthInfo: given("config_context_auth_info"), Cluster: given("config_context_cluster")}
	} else if given("host") == "" {
		config, err := rest.InClusterConfig()
		if err == rest.ErrNotInCluster {
			return nil, fmt.Errorf("no Kubernetes cluster is configured: set config_path or KUBE_CONFIG_PATH to a kubeconfig, " +
				"or run in a pod of the cluster")
		}
		return config, err
	}
	overrides.ClusterInfo = clientcmdapi.Cluster{Server: given("host"), TLSServerName: given("tls_server_name"),
		ProxyURL: given("proxy_url"), InsecureSkipTLSVerify: d.Get("insecure").(bool),
		CertificateAuthorityData: []byte(given("cluster_ca_certificate"))}
	overrides.AuthInfo = clientcmdapi.AuthInfo{Token: given("token"),
		ClientCertificateData: []byte(given("client_certificate")), ClientKeyData: []byte(given("client_key"))}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(loader, overrides).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(paths, ", "), err)
	}
	return config, nil
}

// configPaths are the kubeconfigs; each of them must be there.
func configPaths(d *schema.ResourceData) (paths []string, err error) {
	if one := d.Get("config_path").(string); one != "" {
		paths = append(paths, one)
	}
	for _, path := range d.Get("config_paths").([]any) {
		paths = append(paths, path.(string))
	}
	if list := os.Getenv("KUBE_CONFIG_PATHS"); list != "" && len(paths) == 0 {
		paths = filepath.SplitList(list)
	}
	for i, path := range paths {
		if rest, ok := strings.CutPrefix(path, "~"); ok {
			home, err := os.UserHomeDir()
			if err != nil {
				return nil, err
			}
			path = home + rest
		}
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("'config_path' refers to an invalid path: %w", err)
		}
		paths[i] = path
	}
	return paths, nil
}
