// Package convert turns what Terraform writes (snake_case, blocks in the singular) into what the Kubernetes API reads
// and back. The names and types of the API are those of its own Go types.
package convert

import (
	"fmt"
	"reflect"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	"airgap.local/cdktf-mlops/providers/kubernetes/internal/published"
)

// Field is an argument or block with its place in the API.
type Field struct {
	*published.Node
	Name string
	// JSON is its name in the API.
	JSON string
	// Type is its Go type in the API, without the pointer.
	Type reflect.Type
	// Pointer says that the API tells "not given" from the zero value.
	Pointer bool
	Fields  Fields
}

// Fields are the fields of one block, by Terraform's names.
type Fields map[string]*Field

// Names are in order.
func (f Fields) Names() []string {
	out := make([]string, 0, len(f))
	for name := range f {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// renamed are the arguments whose name does not lead to the API's, which is looked at first.
var renamed = map[string]string{
	"strategy":    "updateStrategy",
	"binary_data": "data",
}

// Bind finds the place of every argument of a block in a Go type. Arguments that control says are the provider's own.
func Bind(block published.Block, api reflect.Type, control func(name string) bool) (Fields, error) {
	return bind("", block, api, control)
}

func bind(at string, block published.Block, api reflect.Type, control func(string) bool) (Fields, error) {
	known := members(api)
	out := Fields{}
	for name, node := range block {
		if control != nil && control(name) {
			continue
		}
		member, ok := find(name, known)
		if !ok {
			return nil, fmt.Errorf("%s.%s: %s has no such field", at, name, api)
		}
		field := &Field{Node: node, Name: name, JSON: jsonName(member), Type: member.Type}
		if field.Type.Kind() == reflect.Pointer {
			field.Type, field.Pointer = field.Type.Elem(), true
		}
		if node.Block != nil {
			inner := field.Type
			if inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if inner.Kind() != reflect.Struct {
				return nil, fmt.Errorf("%s.%s: %s is not an object", at, name, field.Type)
			}
			var err error
			if field.Fields, err = bind(at+"."+name, node.Block, inner, nil); err != nil {
				return nil, err
			}
		}
		out[name] = field
	}
	return out, nil
}

// members are the fields of a struct by their squeezed names, those of inlined structs included.
func members(t reflect.Type) map[string]reflect.StructField {
	out := map[string]reflect.StructField{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && strings.Contains(f.Tag.Get("json"), ",inline") {
			for k, v := range members(f.Type) {
				out[k] = v
			}
			continue
		}
		if name := jsonName(f); name != "" && name != "-" {
			out[squeeze(name)] = f
		}
	}
	return out
}

func jsonName(f reflect.StructField) string { return strings.Split(f.Tag.Get("json"), ",")[0] }

// squeeze makes cluster_ip and clusterIP one.
func squeeze(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

func find(name string, known map[string]reflect.StructField) (reflect.StructField, bool) {
	short := squeeze(name)
	for _, try := range []string{short, short + "s", short + "es", strings.TrimSuffix(short, "y") + "ies", squeeze(renamed[name])} {
		if f, ok := known[try]; ok {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

var (
	quantityType    = reflect.TypeFor[resource.Quantity]()
	intOrStringType = reflect.TypeFor[intstr.IntOrString]()
	bytesType       = reflect.TypeFor[[]byte]()
)

// IsQuantity says that it is a quantity or a map of quantities: equal when worth the same.
func (f *Field) IsQuantity() bool {
	return f.Type == quantityType || f.Type.Kind() == reflect.Map && f.Type.Elem() == quantityType
}

// isMode says that a string of octal digits stands for a number.
func (f *Field) isMode() bool { return f.Name == "mode" || f.Name == "default_mode" }

// isMany says that the API has a list of such blocks, even where Terraform allows one only.
func (f *Field) isMany() bool { return f.Type.Kind() == reflect.Slice && f.Type != bytesType }
