package main

import (
	"maps"
	"testing"

	"airgap.local/cdktf-mlops/providers/internal/docker"
	"airgap.local/cdktf-mlops/providers/internal/prototest"
	"airgap.local/cdktf-mlops/providers/internal/random"
)

func TestSchemaFileIsWhatTheProvidersServe(t *testing.T) {
	all := prototest.New(t, docker.New("0.1.0")).Describe()
	maps.Copy(all, prototest.New(t, random.New("0.1.0")).Describe())
	prototest.Golden(t, "schema.json", all)
}

func TestTheNameOfTheBinaryPicksTheProvider(t *testing.T) {
	for binary, want := range map[string]string{
		"terraform-provider-docker_v0.1.7": "airgap.local/cdktf-mlops/docker",
		"terraform-provider-random_v0.1.7": "airgap.local/cdktf-mlops/random",
	} {
		if have, _ := served(binary); have != want {
			t.Errorf("%s serves %s", binary, have)
		}
	}
}
