package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/retry"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"airgap.local/cdktf-mlops/providers/kubernetes/internal/convert"
)

// object makes, reads, changes and deletes the objects of one kind.
type object struct {
	kind
	fields convert.Fields
}

func (o *object) create(ctx context.Context, d *schema.ResourceData, meta any) (found diag.Diagnostics) {
	ctx, said := listen(ctx)
	defer func() { found = append(found, said()...) }()
	body, err := o.fields.Expand(d.GetRawPlan(), d.GetRawConfig())
	if err != nil {
		return diag.FromErr(err)
	}
	if o.mend != nil {
		o.mend(body)
	}
	body["apiVersion"], body["kind"] = o.GroupVersion().String(), o.name
	wish := &unstructured.Unstructured{Object: body}
	// An interrupted request may have made the object: it is always answered, so that the state knows.
	made, err := o.in(meta, wish.GetNamespace()).Create(context.WithoutCancel(ctx), wish,
		metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		return o.failed(meta, "create", o.id(wish), err)
	}
	d.SetId(o.id(made))
	if o.wait != "" && d.Get(o.wait).(bool) {
		if err := o.await(ctx, d, meta, schema.TimeoutCreate); err != nil {
			return diag.FromErr(err)
		}
	}
	if o.name == "Namespace" && d.Get("wait_for_default_service_account").(bool) {
		if err := awaitDefaultAccount(ctx, d, meta); err != nil {
			return diag.FromErr(err)
		}
	}
	return o.read(ctx, d, meta)
}

func (o *object) read(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	namespace, name := o.parts(d.Id())
	seen, err := o.in(meta, namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		d.SetId("")
		return nil
	} else if err != nil {
		return o.failed(meta, "read", d.Id(), err)
	}
	prior := map[string]any{}
	for name := range o.fields {
		prior[name] = d.Get(name)
	}
	// Keys of a Secret are binary when they were given as such.
	binary, _ := prior["binary_data"].(map[string]any)
	for name, value := range o.fields.Flatten(seen.Object, prior) {
		if values, ok := value.(map[string]any); ok && o.name == "Secret" {
			value = keep(values, binary, name == "binary_data")
		}
		if err := d.Set(name, value); err != nil {
			return diag.FromErr(fmt.Errorf("%s: %w", name, err))
		}
	}
	return nil
}

// keep are the entries that are, or are not, among the given ones.
func keep(values, given map[string]any, among bool) map[string]any {
	out := map[string]any{}
	for k, v := range values {
		if _, is := given[k]; is == among {
			out[k] = v
		}
	}
	return out
}

func (o *object) update(ctx context.Context, d *schema.ResourceData, meta any) (found diag.Diagnostics) {
	ctx, said := listen(ctx)
	defer func() { found = append(found, said()...) }()
	namespace, name := o.parts(d.Id())
	client := o.in(meta, namespace)
	live, err := client.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return o.failed(meta, "read", d.Id(), err)
	}
	wish, err := o.fields.Expand(d.GetRawPlan(), d.GetRawConfig())
	if err != nil {
		return diag.FromErr(err)
	}
	if o.mend != nil {
		o.mend(wish)
	}
	if patch := o.patch(d, live.Object, wish); len(patch) > 0 {
		body, err := json.Marshal(patch)
		if err != nil {
			return diag.FromErr(err)
		}
		_, err = client.Patch(context.WithoutCancel(ctx), name, types.JSONPatchType, body,
			metav1.PatchOptions{FieldValidation: metav1.FieldValidationStrict})
		if err != nil {
			// The state keeps what was before: the next apply tries again.
			d.Partial(true)
			return o.failed(meta, "update", d.Id(), err)
		}
	}
	if o.wait != "" && o.onlyAt == "" && d.Get(o.wait).(bool) {
		if err := o.await(ctx, d, meta, schema.TimeoutUpdate); err != nil {
			return diag.FromErr(err)
		}
	}
	return o.read(ctx, d, meta)
}

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// patch changes what has changed in the program, and nothing else: what an autoscaler or a person has set beside it
// stays. Labels and annotations change one by one, a spec field by field, everything else as a whole.
func (o *object) patch(d *schema.ResourceData, live, wish map[string]any) (patch []operation) {
	for _, kind := range []string{"labels", "annotations"} {
		if key := "metadata.0." + kind; d.HasChange(key) {
			was, is := d.GetChange(key)
			patch = append(patch, changed("/metadata/"+kind, part(live, "metadata", kind), was.(map[string]any), is.(map[string]any))...)
		}
	}
	for _, name := range o.fields.Names() {
		field := o.fields[name]
		switch {
		case name == "metadata" || field.ReadOnly || !d.HasChange(name):
		case name == "spec":
			for _, inner := range field.Fields.Names() {
				if d.HasChange("spec.0." + inner) {
					at := field.Fields[inner].JSON
					patch = append(patch, set("/spec/"+at, part(live, "spec"), specOf(wish)[at], at)...)
				}
			}
		default:
			patch = append(patch, set("/"+field.JSON, live, wish[field.JSON], field.JSON)...)
		}
	}
	return patch
}

func part(of map[string]any, path ...string) map[string]any {
	m, _, _ := unstructured.NestedMap(of, path...)
	return m
}

func set(path string, live map[string]any, value any, key string) []operation {
	if value != nil {
		return []operation{{"add", path, value}}
	}
	if _, there := live[key]; there {
		return []operation{{"remove", path, nil}}
	}
	return nil
}

func changed(path string, live, was, is map[string]any) (patch []operation) {
	if live == nil {
		if len(is) == 0 {
			return nil
		}
		return []operation{{"add", path, is}}
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	for key := range was {
		_, stays := is[key]
		if _, there := live[key]; there && !stays {
			patch = append(patch, operation{"remove", path + "/" + escape.Replace(key), nil})
		}
	}
	for key, value := range is {
		if !reflect.DeepEqual(live[key], value) {
			patch = append(patch, operation{"add", path + "/" + escape.Replace(key), value})
		}
	}
	return patch
}

func (o *object) delete(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	namespace, name := o.parts(d.Id())
	client := o.in(meta, namespace)
	options := metav1.DeleteOptions{}
	if o.foreground {
		foreground := metav1.DeletePropagationForeground
		options.PropagationPolicy = &foreground
	}
	err := client.Delete(context.WithoutCancel(ctx), name, options)
	if apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return o.failed(meta, "delete", d.Id(), err)
	}
	err = retry.RetryContext(ctx, d.Timeout(schema.TimeoutDelete), func() *retry.RetryError {
		left, err := client.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		} else if err != nil {
			return retry.NonRetryableError(err)
		}
		return retry.RetryableError(fmt.Errorf("%s (%s) still exists%s", o.name, d.Id(), whyLeft(left)))
	})
	return diag.FromErr(err)
}

// whyLeft is what keeps an object that is to go.
func whyLeft(o *unstructured.Unstructured) string {
	if finalizers := o.GetFinalizers(); len(finalizers) > 0 {
		return fmt.Sprintf(" with finalizers: %v", finalizers)
	}
	return ""
}

// await asks until the object is ready, its time is over or somebody interrupts; it ends with the last obstacle.
func (o *object) await(ctx context.Context, d *schema.ResourceData, meta any, timeout string) error {
	namespace, name := o.parts(d.Id())
	return retry.RetryContext(ctx, d.Timeout(timeout), func() *retry.RetryError {
		seen, err := o.in(meta, namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return retry.NonRetryableError(err)
		}
		err = o.ready(seen)
		if final := (hopeless{}); errors.As(err, &final) {
			return retry.NonRetryableError(final.error)
		} else if err != nil {
			return retry.RetryableError(err)
		}
		return nil
	})
}

func awaitDefaultAccount(ctx context.Context, d *schema.ResourceData, meta any) error {
	accounts := meta.(*cluster).client.Resource(at("", "v1", "serviceaccounts")).Namespace(d.Id())
	return retry.RetryContext(ctx, d.Timeout(schema.TimeoutCreate), func() *retry.RetryError {
		_, err := accounts.Get(ctx, "default", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return retry.RetryableError(err)
		} else if err != nil {
			return retry.NonRetryableError(err)
		}
		return nil
	})
}

func (o *object) in(meta any, namespace string) dynamic.ResourceInterface {
	client := meta.(*cluster).client.Resource(o.GroupVersionResource)
	if o.clusterScope {
		return client
	}
	return client.Namespace(namespace)
}

func (o *object) id(of *unstructured.Unstructured) string {
	if o.clusterScope {
		return of.GetName()
	}
	return of.GetNamespace() + "/" + of.GetName()
}

func (o *object) parts(id string) (namespace, name string) {
	if o.clusterScope {
		return "", id
	}
	namespace, name, _ = strings.Cut(id, "/")
	return namespace, name
}

// failed says what was tried with what; the API's own words name the verb, the resource and the namespace.
func (o *object) failed(meta any, verb, id string, err error) diag.Diagnostics {
	if unreachable := (*url.Error)(nil); errors.As(err, &unreachable) {
		return diag.Errorf("the Kubernetes API server %s can't be reached to %s %s %s: %v",
			meta.(*cluster).host, verb, o.name, id, unreachable.Err)
	}
	return diag.Errorf("failed to %s %s %s: %v", verb, o.name, id, err)
}

// warnings hands what the API server warns of to whoever made the request.
type warnings struct{}

type listener struct {
	sync.Mutex
	texts []string
}

type listenerKey struct{}

func (warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	l, ok := ctx.Value(listenerKey{}).(*listener)
	if !ok || code != 299 || text == "" {
		return
	}
	l.Lock()
	defer l.Unlock()
	for _, said := range l.texts {
		if said == text {
			return
		}
	}
	l.texts = append(l.texts, text)
}

// listen collects the API's warnings until said is asked for them.
func listen(ctx context.Context) (_ context.Context, said func() diag.Diagnostics) {
	l := &listener{}
	return context.WithValue(ctx, listenerKey{}, l), func() (found diag.Diagnostics) {
		l.Lock()
		defer l.Unlock()
		for _, text := range l.texts {
			found = append(found, diag.Diagnostic{Severity: diag.Warning, Summary: text})
		}
		return found
	}
}
