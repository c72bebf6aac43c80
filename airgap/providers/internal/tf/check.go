package tf

import (
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// Check describes a validator; none of its messages repeats a value, which may be a secret.
type check struct{ wanted string }

func (c check) Description(context.Context) string         { return c.wanted }
func (c check) MarkdownDescription(context.Context) string { return c.wanted }

type stringCheck struct {
	check
	ok func(string) bool
}

func (c stringCheck) ValidateString(_ context.Context, q validator.StringRequest, p *validator.StringResponse) {
	if q.ConfigValue.IsNull() || q.ConfigValue.IsUnknown() || c.ok(q.ConfigValue.ValueString()) {
		return
	}
	p.Diagnostics.AddAttributeError(q.Path, fmt.Sprintf("%s: wanted %s", q.Path, c.wanted), "")
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

// Base64 wants standard base64.
func Base64() validator.String {
	return stringCheck{check{"base64"}, func(s string) bool {
		_, err := base64.StdEncoding.DecodeString(s)
		return err == nil
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
	p.Diagnostics.AddAttributeError(q.Path, fmt.Sprintf("%s: wanted %s", q.Path, c.wanted), "")
}

// AtLeast wants a number that is not smaller.
func AtLeast(n int64) validator.Int64 { return atLeast{check{fmt.Sprintf("%d or more", n)}, n} }

type atMostOne struct{ check }

func (c atMostOne) ValidateList(_ context.Context, q validator.ListRequest, p *validator.ListResponse) {
	if len(q.ConfigValue.Elements()) > 1 {
		p.Diagnostics.AddAttributeError(q.Path, fmt.Sprintf("%s: wanted %s", q.Path, c.wanted), "")
	}
}

func (c atMostOne) ValidateSet(_ context.Context, q validator.SetRequest, p *validator.SetResponse) {
	if len(q.ConfigValue.Elements()) > 1 {
		p.Diagnostics.AddAttributeError(q.Path, fmt.Sprintf("%s: wanted %s", q.Path, c.wanted), "")
	}
}

// OneList allows a list block once.
func OneList() validator.List { return atMostOne{check{"at most one block"}} }

// OneSet allows a set block once.
func OneSet() validator.Set { return atMostOne{check{"at most one block"}} }
