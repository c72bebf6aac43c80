package provider

import "testing"

func TestTheSchemaIsOneThatTerraformTakes(t *testing.T) {
	if err := New().InternalValidate(); err != nil {
		t.Fatal(err)
	}
}
