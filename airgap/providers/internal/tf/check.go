package tf

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// check describes a validator; none of its messages repeats a value, which may be a secret.
type check struct{ wanted string }

func (c check) Description(context.Context) string         { return c.wanted }
func (c check) MarkdownDescription(context.Context) string { return c.wanted }

// refuse names the attribute by its last step: the path through a set spells out the element, secrets included.
func (c check) refuse(at path.Path) diag.Diagnostic {
	steps := at.Steps()
	block, _ := steps[0].(path.PathStepAttributeName)
	return diag.NewAttributeErrorDiagnostic(path.Root(string(block)), fmt.Sprintf("%s: wanted %s", steps[len(steps)-1], c.wanted), "")
}

type stringCheck struct {
	check
	ok func(string) bool
}

func (c stringCheck) ValidateString(_ context.Context, q validator.StringRequest, p *validator.StringResponse) {
	if q.ConfigValue.IsNull() || q.ConfigValue.IsUnknown() || c.ok(q.ConfigValue.ValueString()) {
		return
	}
	p.Diagnostics.Append(c.refuse(q.Path))
}

// Matches wants a string of a pattern.
func Matches(pattern, wanted string) validator.String {
	return stringCheck{check{wanted}, regexp.MustCompile(pattern).MatchString}
}

// Duration wants a duration in Go's notation that is not negative.
func Duration() validator.String {
	return stringCheck{check{"a duration such as 1m30s, not negative"}, func(s string) bool {
		d, err := time.ParseDuration(s)
		return err == nil && d >= 0
	}}
}

type atLeast struct {
	check
	least int64
}

func (c atLeast) ValidateInt64(_ context.Context, q validator.Int64Request, p *validator.Int64Response) {
	if q.ConfigValue.IsNull() || q.ConfigValue.IsUnknown() || q.ConfigValue.ValueInt64() >= c.least {
		return
	}
	p.Diagnostics.Append(c.refuse(q.Path))
}

// AtLeast wants a number that is not smaller.
func AtLeast(n int64) validator.Int64 { return atLeast{check{fmt.Sprintf("%d or more", n)}, n} }

type atMostOne struct{ check }

func (c atMostOne) ValidateList(_ context.Context, q validator.ListRequest, p *validator.ListResponse) {
	if len(q.ConfigValue.Elements()) > 1 {
		p.Diagnostics.Append(c.refuse(q.Path))
	}
}

func (c atMostOne) ValidateSet(_ context.Context, q validator.SetRequest, p *validator.SetResponse) {
	if len(q.ConfigValue.Elements()) > 1 {
		p.Diagnostics.Append(c.refuse(q.Path))
	}
}

// OneList allows a list block once.
func OneList() validator.List { return atMostOne{check{"at most one block"}} }

// OneSet allows a set block once.
func OneSet() validator.Set { return atMostOne{check{"at most one block"}} }
