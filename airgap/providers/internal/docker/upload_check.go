package docker

import (
	"context"
	"encoding/base64"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// uploadsCheck looks at the whole set of uploads: a check of one attribute would have the framework log the path of
// that attribute, which spells out the upload, content included.
type uploadsCheck struct{}

var octal = regexp.MustCompile(`^0[0-7]{3}$`)

func (uploadsCheck) Description(context.Context) string {
	return "permissions are octal, content_base64 is base64"
}

func (c uploadsCheck) MarkdownDescription(ctx context.Context) string { return c.Description(ctx) }

func (uploadsCheck) ValidateSet(_ context.Context, q validator.SetRequest, p *validator.SetResponse) {
	for _, element := range q.ConfigValue.Elements() {
		upload, ok := element.(types.Object)
		if !ok {
			continue
		}
		given := func(name string) (string, bool) {
			s, ok := upload.Attributes()[name].(types.String)
			return s.ValueString(), ok && !s.IsNull() && !s.IsUnknown()
		}
		if s, ok := given("permissions"); ok && !octal.MatchString(s) {
			p.Diagnostics.AddAttributeError(q.Path, "permissions: wanted an octal mode such as 0644", "")
		}
		if s, ok := given("content_base64"); ok {
			if _, err := base64.StdEncoding.DecodeString(s); err != nil {
				p.Diagnostics.AddAttributeError(q.Path, "content_base64: wanted base64", "")
			}
		}
	}
}
