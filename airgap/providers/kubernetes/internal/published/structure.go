// Package published is what is known of the published provider's resources: structure.json says what its bindings say,
// and facts.go what they leave out.
package published

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

//go:embed structure.json
var structure []byte

// Block is the arguments of a resource or of a nested block, by name.
type Block map[string]*Node

// Node is one argument or one nested block.
type Node struct {
	// Kind is "string", "number", "bool", or a collection such as "list of string"; of a block "list" or "set".
	Kind string
	// Block is what a nested block holds; nil for an argument.
	Block Block
	// Single says that the block stands at most once.
	Single   bool
	Required bool
	// ReadOnly says that only the cluster sets it.
	ReadOnly bool
	Fact
}

// Resource is one type of resource.
type Resource struct {
	Block Block
	// Timeouts are the operations that the timeouts block knows.
	Timeouts []string
}

// Resources are all types, by their names in Terraform.
func Resources() map[string]Resource {
	var file struct {
		Blocks    map[string]json.RawMessage
		Resources map[string]struct {
			Block    json.RawMessage
			Timeouts []string
		}
	}
	if err := json.Unmarshal(structure, &file); err != nil {
		panic(err)
	}
	out := map[string]Resource{}
	for name, r := range file.Resources {
		block := read(file.Blocks, r.Block)
		know(name, block)
		out[name] = Resource{block, r.Timeouts}
	}
	return out
}

// read follows names of shared blocks; every place gets a copy, since facts depend on the place.
func read(shared map[string]json.RawMessage, raw json.RawMessage) Block {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return read(shared, shared[name])
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		panic(err)
	}
	block := Block{}
	for name, entry := range entries {
		block[name] = readNode(shared, entry)
	}
	return block
}

func readNode(shared map[string]json.RawMessage, raw json.RawMessage) *Node {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		words := strings.Split(text, ", ")
		return &Node{Kind: words[0], Required: slices.Contains(words, "required"), ReadOnly: slices.Contains(words, "computed")}
	}
	var nested struct {
		Nesting                    string
		Single, Required, Computed bool
		Block                      json.RawMessage
	}
	if err := json.Unmarshal(raw, &nested); err != nil {
		panic(fmt.Sprintf("%s: %v", raw, err))
	}
	return &Node{Kind: nested.Nesting, Single: nested.Single, Required: nested.Required, ReadOnly: nested.Computed,
		Block: read(shared, nested.Block)}
}
