package provider

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"k8s.io/apimachinery/pkg/api/resource"

	"airgap.local/cdktf-mlops/providers/kubernetes/internal/convert"
	"airgap.local/cdktf-mlops/providers/kubernetes/internal/published"
)

// resources are all types of resources.
func resources() map[string]*schema.Resource {
	out := map[string]*schema.Resource{}
	for name, r := range published.Resources() {
		fields, err := convert.Bind(r.Block, reflect.TypeOf(convert.Types[name]), convert.IsControl)
		if err != nil {
			panic(fmt.Sprintf("%s%v", name, err))
		}
		k := kinds[name]
		o := &object{kind: k, fields: fields}
		out[name] = &schema.Resource{
			Schema:        schemaOf(r.Block, fields),
			SchemaVersion: k.schemaVersion,
			Timeouts:      timeouts(r.Timeouts, k.patience),
			CreateContext: o.create, ReadContext: o.read, UpdateContext: o.update, DeleteContext: o.delete,
			Importer:      &schema.ResourceImporter{StateContext: schema.ImportStatePassthroughContext},
			CustomizeDiff: k.customizeDiff,
		}
	}
	return out
}

func schemaOf(block published.Block, fields convert.Fields) map[string]*schema.Schema {
	out := map[string]*schema.Schema{}
	for name, n := range block {
		s := &schema.Schema{Required: n.Required, Optional: !n.Required && !n.ReadOnly, Computed: n.ReadOnly || n.Computed,
			ForceNew: n.Replaces, Sensitive: n.Sensitive, Default: n.Default}
		// Terraform's SDK knows no argument with a default that the cluster fills in too.
		if s.Default != nil || s.Required {
			s.Computed = false
		}
		field := fields[name]
		kind, element, _ := strings.Cut(n.Kind, " of ")
		s.Type = valueTypes[kind]
		if n.Block != nil {
			var inner convert.Fields
			if field != nil {
				inner = field.Fields
			}
			s.Elem = &schema.Resource{Schema: schemaOf(n.Block, inner)}
			if n.Single {
				s.MaxItems = 1
			}
		} else if element != "" {
			s.Elem = &schema.Schema{Type: valueTypes[element]}
		}
		if field != nil && field.IsQuantity() {
			s.DiffSuppressFunc, s.ValidateFunc = sameQuantity, validQuantity
		}
		out[name] = s
	}
	return out
}

var valueTypes = map[string]schema.ValueType{"string": schema.TypeString, "number": schema.TypeInt, "bool": schema.TypeBool,
	"list": schema.TypeList, "set": schema.TypeSet, "map": schema.TypeMap}

// sameQuantity knows that 0.5 and 500m are one.
func sameQuantity(_, before, after string, _ *schema.ResourceData) bool {
	a, errA := resource.ParseQuantity(before)
	b, errB := resource.ParseQuantity(after)
	return errA == nil && errB == nil && a.Cmp(b) == 0
}

func validQuantity(value any, name string) (_ []string, problems []error) {
	texts, ok := value.(map[string]any)
	if !ok {
		texts = map[string]any{name: value}
	}
	for key, text := range texts {
		if s, ok := text.(string); ok && s != "" {
			if _, err := resource.ParseQuantity(s); err != nil {
				problems = append(problems, fmt.Errorf("%s: %q is no quantity such as 500m or 2Gi", key, s))
			}
		}
	}
	return nil, problems
}

// timeouts are those that the bindings know, at the published defaults.
func timeouts(operations []string, patience time.Duration) *schema.ResourceTimeout {
	if operations == nil {
		return nil
	}
	out := &schema.ResourceTimeout{}
	for _, operation := range operations {
		place := map[string]**time.Duration{"create": &out.Create, "read": &out.Read, "update": &out.Update, "delete": &out.Delete}
		*place[operation] = schema.DefaultTimeout(patience)
	}
	return out
}

// replaceImmutable makes another object when the data of an immutable one changes.
func replaceImmutable(_ context.Context, d *schema.ResourceDiff, _ any) error {
	was, _ := d.GetChange("immutable")
	if d.Id() == "" || !was.(bool) {
		return nil
	}
	for _, name := range []string{"data", "binary_data", "immutable"} {
		if d.HasChange(name) {
			if err := d.ForceNew(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// replaceShrunk makes another claim when it is to become smaller; a larger one grows in place.
func replaceShrunk(_ context.Context, d *schema.ResourceDiff, _ any) error {
	const requests = "spec.0.resources.0.requests"
	if d.Id() == "" || !d.HasChange(requests) {
		return nil
	}
	was, is := d.GetChange(requests + ".storage")
	before, errBefore := resource.ParseQuantity(was.(string))
	after, errAfter := resource.ParseQuantity(is.(string))
	if errBefore == nil && errAfter == nil && after.Cmp(before) < 0 {
		return d.ForceNew(requests)
	}
	return nil
}
