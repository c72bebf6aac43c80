// Command terraform-provider-docker (and, under its second name, terraform-provider-random) implements the part of
// the published providers' schemas that cdktf-mlops emits, for networks where the Terraform registry is not reachable.
package main

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"airgap.local/cdktf-mlops/providers/internal/docker"
	"airgap.local/cdktf-mlops/providers/internal/random"
)

// version is set by the build from the hash of the sources.
var version = "0.1.0"

const namespace = "airgap.local/cdktf-mlops/"

func main() {
	// The framework's own trace spells out elements of sets, and an upload that holds a secret is one.
	os.Setenv("TF_LOG_SDK_FRAMEWORK", "OFF")
	address, make := served(filepath.Base(os.Args[0]))
	err := providerserver.Serve(context.Background(), make, providerserver.ServeOpts{Address: address, ProtocolVersion: 6})
	if err != nil {
		log.Fatal(err)
	}
}

// served picks the provider by the name under which the binary was started: both are one build.
func served(binary string) (address string, make func() provider.Provider) {
	if strings.Contains(binary, "provider-random") {
		return namespace + "random", func() provider.Provider { return random.New(version) }
	}
	return namespace + "docker", func() provider.Provider { return docker.New(version) }
}
