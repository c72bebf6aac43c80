package prototest

import (
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

var update = flag.Bool("update", false, "write schema.json instead of comparing with it")

type attribute struct {
	Type      json.RawMessage `json:"type"`
	Required  bool            `json:"required,omitempty"`
	Optional  bool            `json:"optional,omitempty"`
	Computed  bool            `json:"computed,omitempty"`
	Sensitive bool            `json:"sensitive,omitempty"`
}

type block struct {
	Nesting    string               `json:"nesting,omitempty"`
	Attributes map[string]attribute `json:"attributes"`
	Blocks     map[string]block     `json:"blocks,omitempty"`
}

var nestings = map[tfprotov6.SchemaNestedBlockNestingMode]string{
	tfprotov6.SchemaNestedBlockNestingModeList: "list",
	tfprotov6.SchemaNestedBlockNestingModeSet:  "set",
}

// Describe is a provider's schema as data: what schema.json holds for whoever compares it with the bindings.
func (s *Server) Describe() map[string]block {
	out := map[string]block{}
	for name, schema := range s.Schema.ResourceSchemas {
		out[name] = describe(schema.Block, "")
	}
	return out
}

func describe(b *tfprotov6.SchemaBlock, nesting string) block {
	out := block{Nesting: nesting, Attributes: map[string]attribute{}}
	for _, a := range b.Attributes {
		kind, _ := a.Type.MarshalJSON() //nolint:staticcheck // the only public way to Terraform's own notation
		out.Attributes[a.Name] = attribute{kind, a.Required, a.Optional, a.Computed, a.Sensitive}
	}
	for _, inner := range b.BlockTypes {
		if out.Blocks == nil {
			out.Blocks = map[string]block{}
		}
		out.Blocks[inner.TypeName] = describe(inner.Block, nestings[inner.Nesting])
	}
	return out
}

// Golden compares a description with a file, or writes the file under -update.
func Golden(t *testing.T, path string, described any) {
	t.Helper()
	want, err := json.MarshalIndent(described, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != string(want) {
		t.Errorf("%s is not what the provider serves: go test ./... -run Schema -update", path)
	}
}
