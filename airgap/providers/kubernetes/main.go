// Command terraform-provider-kubernetes implements the part of the published provider's schema that cdktf-mlops emits,
// for networks where the Terraform registry is not reachable.
package main

import (
	"github.com/hashicorp/terraform-plugin-sdk/v2/plugin"

	"airgap.local/cdktf-mlops/providers/kubernetes/internal/provider"
)

func main() {
	plugin.Serve(&plugin.ServeOpts{ProviderFunc: provider.New, ProviderAddr: "airgap.local/cdktf-mlops/kubernetes"})
}
