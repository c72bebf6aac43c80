// Package tf shortens what the terraform-plugin-framework spells out: attributes, plan modifiers and validators.
package tf

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/boolplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Change is what becomes of a resource when an attribute changes.
type Change int

const (
	// InPlace leaves the resource where it is.
	InPlace Change = iota
	// Replaces makes a new resource.
	Replaces
)

// ID is the computed id of a resource.
func ID() schema.StringAttribute { return ComputedString() }

// ComputedString is told by the provider, and kept over updates.
func ComputedString() schema.StringAttribute {
	return schema.StringAttribute{Computed: true, PlanModifiers: stringMods(true, InPlace)}
}

// ComputedInt is told by the provider, and kept over updates.
func ComputedInt() schema.Int64Attribute {
	return schema.Int64Attribute{Computed: true, PlanModifiers: intMods(true, InPlace)}
}

// RequiredString must be given.
func RequiredString(change Change, checks ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{Required: true, PlanModifiers: stringMods(false, change), Validators: checks}
}

// OptionalString stays null when it is not given.
func OptionalString(change Change, checks ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, PlanModifiers: stringMods(false, change), Validators: checks}
}

// TakenString is what the engine says when it is not given.
func TakenString(change Change) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Computed: true, PlanModifiers: stringMods(true, change)}
}

// DefaultString has a default.
func DefaultString(value string, change Change, checks ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(value),
		PlanModifiers: stringMods(false, change), Validators: checks}
}

// RequiredInt must be given.
func RequiredInt(change Change, checks ...validator.Int64) schema.Int64Attribute {
	return schema.Int64Attribute{Required: true, PlanModifiers: intMods(false, change), Validators: checks}
}

// OptionalInt stays null when it is not given.
func OptionalInt(change Change, checks ...validator.Int64) schema.Int64Attribute {
	return schema.Int64Attribute{Optional: true, PlanModifiers: intMods(false, change), Validators: checks}
}

// TakenInt is what the engine says when it is not given.
func TakenInt(change Change, checks ...validator.Int64) schema.Int64Attribute {
	return schema.Int64Attribute{Optional: true, Computed: true, PlanModifiers: intMods(true, change), Validators: checks}
}

// DefaultInt has a default.
func DefaultInt(value int64) schema.Int64Attribute {
	return schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(value)}
}

// OptionalBool stays null when it is not given.
func OptionalBool(change Change) schema.BoolAttribute {
	return schema.BoolAttribute{Optional: true, PlanModifiers: boolMods(false, change)}
}

// TakenBool is what the engine says when it is not given.
func TakenBool(change Change) schema.BoolAttribute {
	return schema.BoolAttribute{Optional: true, Computed: true, PlanModifiers: boolMods(true, change)}
}

// DefaultBool has a default.
func DefaultBool(value bool, change Change) schema.BoolAttribute {
	return schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(value),
		PlanModifiers: boolMods(false, change)}
}

// TakenStringList is a list of strings that replaces, and that the engine fills when it is not given.
func TakenStringList() schema.ListAttribute {
	return schema.ListAttribute{Optional: true, Computed: true, ElementType: types.StringType,
		PlanModifiers: []planmodifier.List{listplanmodifier.UseStateForUnknown(), listplanmodifier.RequiresReplace()}}
}

// TakenStringSet is a set of strings that replaces, and that the engine fills when it is not given.
func TakenStringSet() schema.SetAttribute {
	return schema.SetAttribute{Optional: true, Computed: true, ElementType: types.StringType,
		PlanModifiers: []planmodifier.Set{setplanmodifier.UseStateForUnknown(), setplanmodifier.RequiresReplace()}}
}

// OptionalStringSet is a set of strings that stays null when it is not given.
func OptionalStringSet(change Change) schema.SetAttribute {
	a := schema.SetAttribute{Optional: true, ElementType: types.StringType}
	if change == Replaces {
		a.PlanModifiers = SetReplaces()
	}
	return a
}

// StringMap is a map of strings that stays null when it is not given.
func StringMap(change Change) schema.MapAttribute {
	a := schema.MapAttribute{Optional: true, ElementType: types.StringType}
	if change == Replaces {
		a.PlanModifiers = []planmodifier.Map{mapplanmodifier.RequiresReplace()}
	}
	return a
}

// SetReplaces makes a change of a set replace the resource.
func SetReplaces() []planmodifier.Set { return []planmodifier.Set{setplanmodifier.RequiresReplace()} }

// SetBlock is a block that may stand any number of times; a change replaces.
func SetBlock(attributes map[string]schema.Attribute, checks ...validator.Set) schema.SetNestedBlock {
	return schema.SetNestedBlock{PlanModifiers: SetReplaces(), Validators: checks,
		NestedObject: schema.NestedBlockObject{Attributes: attributes}}
}

// The order of modifiers matters: only a value that is still unknown after the state was looked at replaces.

func stringMods(keep bool, change Change) (m []planmodifier.String) {
	if keep {
		m = append(m, stringplanmodifier.UseStateForUnknown())
	}
	if change == Replaces {
		m = append(m, stringplanmodifier.RequiresReplace())
	}
	return m
}

func intMods(keep bool, change Change) (m []planmodifier.Int64) {
	if keep {
		m = append(m, int64planmodifier.UseStateForUnknown())
	}
	if change == Replaces {
		m = append(m, int64planmodifier.RequiresReplace())
	}
	return m
}

func boolMods(keep bool, change Change) (m []planmodifier.Bool) {
	if keep {
		m = append(m, boolplanmodifier.UseStateForUnknown())
	}
	if change == Replaces {
		m = append(m, boolplanmodifier.RequiresReplace())
	}
	return m
}
