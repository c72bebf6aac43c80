package convert

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"reflect"
	"strconv"

	"github.com/hashicorp/go-cty/cty"
)

// saysFalse are the arguments that the published provider sends as false when they are not given.
var saysFalse = map[string]bool{"run_as_non_root": true, "optional": true}

// Expand makes an object of the API from a planned block. What is null, unknown or read only is left out, and so is a
// zero that only Terraform's SDK has written: config is the block as the program has it, and tells.
func (f Fields) Expand(block, config cty.Value) (map[string]any, error) {
	out := map[string]any{}
	if block.IsNull() || !block.IsKnown() {
		return out, nil
	}
	for _, name := range f.Names() {
		field := f[name]
		if field.ReadOnly {
			continue
		}
		value, err := field.Expand(block.GetAttr(name), attribute(config, name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if value == nil {
			continue
		}
		// Two arguments may fill one map: data and binary_data of a Secret.
		if have, ok := out[field.JSON].(map[string]any); ok && field.Fields == nil {
			for k, v := range value.(map[string]any) {
				have[k] = v
			}
			continue
		}
		out[field.JSON] = value
	}
	return out, nil
}

func attribute(config cty.Value, name string) cty.Value {
	if config.IsNull() || !config.IsKnown() {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	return config.GetAttr(name)
}

// Expand makes the API's value of one argument or block; nil when there is nothing to send.
func (f *Field) Expand(value, config cty.Value) (any, error) {
	if value.IsNull() && f.Pointer && saysFalse[f.Name] {
		return false, nil
	}
	if value.IsNull() || !value.IsKnown() {
		return nil, nil
	}
	if f.Fields != nil {
		return f.expandBlocks(value, config)
	}
	kind := value.Type()
	unasked := config.IsNull() && f.Default == nil
	switch {
	case unasked && kind == cty.Bool && value.False() && !saysFalse[f.Name],
		unasked && kind == cty.Number && value.AsBigFloat().Sign() == 0:
		return nil, nil
	case kind == cty.Bool:
		return value.True(), nil
	case kind == cty.Number:
		return whole(value)
	case kind == cty.String:
		return f.expandString(value.AsString())
	case kind.IsMapType():
		return f.expandMap(value)
	default:
		return expandList(value)
	}
}

func (f *Field) expandBlocks(value, config cty.Value) (any, error) {
	if value.LengthInt() == 0 {
		return nil, nil
	}
	var asked []cty.Value
	if !config.IsNull() && config.IsKnown() {
		asked = config.AsValueSlice()
	}
	blocks := []any{}
	for i, element := range value.AsValueSlice() {
		given := cty.NullVal(cty.DynamicPseudoType)
		if i < len(asked) {
			given = asked[i]
		}
		block, err := f.Fields.Expand(element, given)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, block)
	}
	if f.isMany() {
		return blocks, nil
	}
	return blocks[0], nil
}

func (f *Field) expandString(text string) (any, error) {
	switch {
	case text == "":
		return nil, nil
	case f.Type == intOrStringType:
		if n, err := strconv.ParseInt(text, 10, 32); err == nil {
			return n, nil
		}
		return text, nil
	case f.Type.Kind() >= reflect.Int && f.Type.Kind() <= reflect.Int64: // Terraform writes it as a string
		base := 10
		if f.isMode() {
			base = 8
		}
		n, err := strconv.ParseInt(text, base, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", text)
		}
		return n, nil
	}
	return text, nil
}

func (f *Field) expandMap(value cty.Value) (any, error) {
	if value.LengthInt() == 0 {
		return nil, nil
	}
	out := map[string]any{}
	for key, element := range value.AsValueMap() {
		if element.IsNull() || !element.IsKnown() {
			continue
		}
		text := element.AsString()
		if f.Type.Elem() == bytesType && f.Name != "binary_data" {
			text = base64.StdEncoding.EncodeToString([]byte(text))
		}
		out[key] = text
	}
	return out, nil
}

func expandList(value cty.Value) (any, error) {
	if value.LengthInt() == 0 {
		return nil, nil
	}
	out := []any{}
	for _, element := range value.AsValueSlice() {
		switch {
		case element.IsNull(): // how Terraform's SDK writes an empty string in a list
			out = append(out, "")
		case element.Type() == cty.Number:
			n, err := whole(element)
			if err != nil {
				return nil, err
			}
			out = append(out, n)
		default:
			out = append(out, element.AsString())
		}
	}
	return out, nil
}

func whole(value cty.Value) (any, error) {
	n, accuracy := value.AsBigFloat().Int64()
	if accuracy != big.Exact {
		return nil, fmt.Errorf("%s is not a whole number", value.AsBigFloat())
	}
	return n, nil
}
