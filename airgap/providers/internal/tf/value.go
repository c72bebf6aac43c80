package tf

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Strings are the plain strings of a list or set that is wholly known.
func Strings(values []types.String) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, v.ValueString())
	}
	return out
}

// Elements are the plain strings of a list, set or map value; nothing when it is null or unknown.
func Elements(value interface{ Elements() []attr.Value }) []string {
	out := []string{}
	for _, v := range value.Elements() {
		if s, ok := v.(types.String); ok {
			out = append(out, s.ValueString())
		}
	}
	return out
}

// StringsOf is the inverse of Strings; null stays null where nothing is seen.
func StringsOf(prior []types.String, seen []string) []types.String {
	if len(seen) == 0 && prior == nil {
		return nil
	}
	out := make([]types.String, 0, len(seen))
	for _, s := range seen {
		out = append(out, types.StringValue(s))
	}
	return out
}

// ListOf makes a list of strings; nothing seen leaves a null null.
func ListOf(prior types.List, seen []string) types.List {
	if len(seen) == 0 && prior.IsNull() || seen == nil {
		return types.ListNull(types.StringType)
	}
	return types.ListValueMust(types.StringType, values(seen))
}

// SetOf makes a set of strings; nothing seen leaves a null null.
func SetOf(prior types.Set, seen []string) types.Set {
	if len(seen) == 0 && (prior.IsNull() || prior.IsUnknown()) {
		return types.SetNull(types.StringType)
	}
	seen = slices.Compact(slices.Sorted(slices.Values(seen)))
	return types.SetValueMust(types.StringType, values(seen))
}

// MapOf makes a map of strings; nothing seen leaves a null null.
func MapOf(prior map[string]types.String, seen map[string]string) map[string]types.String {
	if len(seen) == 0 && prior == nil {
		return nil
	}
	out := map[string]types.String{}
	for k, v := range seen {
		out[k] = types.StringValue(v)
	}
	return out
}

// PlainMap is the inverse of MapOf.
func PlainMap(m map[string]types.String) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		out[k] = v.ValueString()
	}
	return out
}

// StringOf is what was seen; an empty string leaves a null null.
func StringOf(prior types.String, seen string) types.String {
	if seen == "" && prior.IsNull() {
		return prior
	}
	return types.StringValue(seen)
}

// IntOf is what was seen; 0 leaves a null null.
func IntOf(prior types.Int64, seen int64) types.Int64 {
	if seen == 0 && prior.IsNull() {
		return prior
	}
	return types.Int64Value(seen)
}

// BoolOf is what was seen; false leaves a null null.
func BoolOf(prior types.Bool, seen bool) types.Bool {
	if !seen && prior.IsNull() {
		return prior
	}
	return types.BoolValue(seen)
}

// SortedKeys gives a map an order.
func SortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func values(in []string) []attr.Value {
	out := make([]attr.Value, 0, len(in))
	for _, s := range in {
		out = append(out, types.StringValue(s))
	}
	return out
}
