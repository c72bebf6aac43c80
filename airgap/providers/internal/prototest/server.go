// Package prototest speaks the plugin protocol to a provider inside a test, as Terraform does.
package prototest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Server is one provider under test.
type Server struct {
	t      *testing.T
	server tfprotov6.ProviderServer
	Schema *tfprotov6.GetProviderSchemaResponse
}

// Object is a resource as Terraform writes it in JSON; what is left out is null.
type Object = map[string]any

// New starts a provider.
func New(t *testing.T, p provider.Provider) *Server {
	t.Helper()
	server := providerserver.NewProtocol6(p)()
	schema, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range schema.Diagnostics {
		t.Fatalf("%s: %s", d.Summary, d.Detail)
	}
	return &Server{t, server, schema}
}

// Validate returns the summaries of what the provider finds wrong.
func (s *Server) Validate(resource string, config Object) (problems []string) {
	s.t.Helper()
	res, err := s.server.ValidateResourceConfig(context.Background(),
		&tfprotov6.ValidateResourceConfigRequest{TypeName: resource, Config: s.value(resource, config)})
	if err != nil {
		s.t.Fatal(err)
	}
	return summaries(res.Diagnostics)
}

// Plan returns the attributes that force a replacement when state is to become config, and the planned object.
func (s *Server) Plan(resource string, state, config Object) (replaces []string, planned Object) {
	s.t.Helper()
	proposed := s.proposed(resource, state, config)
	res, err := s.server.PlanResourceChange(context.Background(), &tfprotov6.PlanResourceChangeRequest{TypeName: resource,
		PriorState: s.value(resource, state), ProposedNewState: s.value(resource, proposed), Config: s.value(resource, config)})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, problem := range summaries(res.Diagnostics) {
		s.t.Fatal(problem)
	}
	for _, path := range res.RequiresReplace {
		replaces = append(replaces, string(path.Steps()[0].(tftypes.AttributeName)))
	}
	return replaces, s.known(resource, res.PlannedState)
}

// proposed is config, with the state's value where a computed attribute is left out: what Terraform proposes.
func (s *Server) proposed(resource string, state, config Object) Object {
	out := Object{}
	for k, v := range config {
		out[k] = v
	}
	for _, a := range s.Schema.ResourceSchemas[resource].Block.Attributes {
		if _, given := config[a.Name]; !given && a.Computed && state != nil {
			out[a.Name] = state[a.Name]
		}
	}
	return out
}

func (s *Server) kind(resource string) tftypes.Object {
	return s.Schema.ResourceSchemas[resource].ValueType().(tftypes.Object)
}

func (s *Server) value(resource string, object Object) *tfprotov6.DynamicValue {
	s.t.Helper()
	var complete any
	if object != nil {
		filled := fill(s.kind(resource), object).(Object)
		for _, a := range s.Schema.ResourceSchemas[resource].Block.Attributes {
			filled[a.Name] = object[a.Name]
		}
		complete = filled
	}
	raw, err := json.Marshal(complete)
	if err != nil {
		s.t.Fatal(err)
	}
	return &tfprotov6.DynamicValue{JSON: raw}
}

// known are the attributes of a planned object that are known already.
func (s *Server) known(resource string, planned *tfprotov6.DynamicValue) Object {
	s.t.Helper()
	value, err := planned.Unmarshal(s.kind(resource))
	if err != nil {
		s.t.Fatal(err)
	}
	attributes := map[string]tftypes.Value{}
	if err := value.As(&attributes); err != nil {
		s.t.Fatal(err)
	}
	out := Object{}
	for name, v := range attributes {
		if v.IsFullyKnown() && !v.IsNull() {
			out[name] = v.String()
		}
	}
	return out
}

// fill writes null for what an object leaves out, and no blocks for blocks.
func fill(kind tftypes.Type, value any) any {
	switch k := kind.(type) {
	case tftypes.Object:
		given, _ := value.(Object)
		out := Object{}
		for name, inner := range k.AttributeTypes {
			if v, ok := given[name]; ok {
				out[name] = fill(inner, v)
			} else {
				out[name] = empty(inner)
			}
		}
		return out
	case tftypes.List:
		return fillAll(k.ElementType, value)
	case tftypes.Set:
		return fillAll(k.ElementType, value)
	}
	return value
}

func fillAll(kind tftypes.Type, value any) any {
	objects, ok := value.([]Object)
	if !ok {
		return value
	}
	out := []any{}
	for _, o := range objects {
		out = append(out, fill(kind, o))
	}
	return out
}

func empty(kind tftypes.Type) any {
	switch k := kind.(type) {
	case tftypes.List:
		if k.ElementType.Is(tftypes.Object{}) {
			return []any{}
		}
	case tftypes.Set:
		if k.ElementType.Is(tftypes.Object{}) {
			return []any{}
		}
	}
	return nil
}

func summaries(found []*tfprotov6.Diagnostic) (out []string) {
	for _, d := range found {
		out = append(out, d.Summary)
	}
	return out
}
