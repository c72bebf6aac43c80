package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"airgap.local/cdktf-mlops/providers/internal/engine"
	"airgap.local/cdktf-mlops/providers/internal/tf"
)

type imageResource struct{ configured }

type imageModel struct {
	ID          types.String `tfsdk:"id"`
	Name        types.String `tfsdk:"name"`
	KeepLocally types.Bool   `tfsdk:"keep_locally"`
	ImageID     types.String `tfsdk:"image_id"`
	RepoDigest  types.String `tfsdk:"repo_digest"`
}

func (r *imageResource) Metadata(_ context.Context, _ resource.MetadataRequest, p *resource.MetadataResponse) {
	p.TypeName = "docker_image"
}

func (r *imageResource) Schema(_ context.Context, _ resource.SchemaRequest, p *resource.SchemaResponse) {
	p.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id":           tf.ID(),
		"name":         tf.RequiredString(tf.Replaces, tf.Matches(`.`, "the name of an image")),
		"keep_locally": tf.OptionalBool(tf.InPlace),
		"image_id":     tf.ComputedString(),
		"repo_digest":  tf.ComputedString(),
	}}
}

func (m *imageModel) take(seen *engine.Image) {
	m.ID = types.StringValue(seen.ID + m.Name.ValueString())
	m.ImageID, m.RepoDigest = types.StringValue(seen.ID), types.StringValue(repoDigest(m.Name.ValueString(), seen.RepoDigests))
}

// repoDigest is empty for an image that never was in a registry.
func repoDigest(name string, digests []string) string {
	if len(digests) == 1 {
		return digests[0]
	}
	repository := name
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		repository = name[:colon]
	}
	for _, d := range digests {
		if strings.Contains(d, repository) {
			return d
		}
	}
	return ""
}

// findImage looks an image up on the engine, and has the engine pull it when it is not there.
func findImage(ctx context.Context, e *engine.Client, name string) (*engine.Image, error) {
	found, err := e.InspectImage(ctx, name)
	if err == nil || !engine.NotFound(err) {
		return found, err
	}
	if pullErr := e.PullImage(ctx, name); pullErr != nil {
		return nil, fmt.Errorf("unable to pull image %s: %w\n\nThe image is not on this Docker Engine and no registry gave it. "+
			"Build it or load it first (`docker build -t`, `docker load`), or name a registry that this engine reaches", name, pullErr)
	}
	if found, err = e.InspectImage(ctx, name); err != nil {
		return nil, fmt.Errorf("unable to find or pull image %s", name)
	}
	return found, nil
}

func (r *imageResource) Create(ctx context.Context, q resource.CreateRequest, p *resource.CreateResponse) {
	var m imageModel
	if p.Diagnostics.Append(q.Plan.Get(ctx, &m)...); p.Diagnostics.HasError() {
		return
	}
	seen, err := findImage(ctx, r.engine, m.Name.ValueString())
	if err != nil {
		p.Diagnostics.AddError("Unable to read Docker image into resource: "+err.Error(), "")
		return
	}
	m.take(seen)
	p.Diagnostics.Append(p.State.Set(ctx, &m)...)
}

func (r *imageResource) Read(ctx context.Context, q resource.ReadRequest, p *resource.ReadResponse) {
	var m imageModel
	if p.Diagnostics.Append(q.State.Get(ctx, &m)...); p.Diagnostics.HasError() {
		return
	}
	seen, err := r.engine.InspectImage(ctx, m.Name.ValueString())
	if engine.NotFound(err) {
		p.State.RemoveResource(ctx)
		return
	} else if err != nil {
		p.Diagnostics.AddError("Unable to inspect image: "+err.Error(), "")
		return
	}
	m.take(seen)
	p.Diagnostics.Append(p.State.Set(ctx, &m)...)
}

// Update stores keep_locally: all else replaces.
func (r *imageResource) Update(ctx context.Context, q resource.UpdateRequest, p *resource.UpdateResponse) {
	var m imageModel
	p.Diagnostics.Append(q.Plan.Get(ctx, &m)...)
	p.Diagnostics.Append(p.State.Set(ctx, &m)...)
}

func (r *imageResource) Delete(ctx context.Context, q resource.DeleteRequest, p *resource.DeleteResponse) {
	var m imageModel
	if p.Diagnostics.Append(q.State.Get(ctx, &m)...); p.Diagnostics.HasError() || m.KeepLocally.ValueBool() {
		return
	}
	if err := r.engine.RemoveImage(ctx, m.Name.ValueString()); err != nil && !engine.NotFound(err) {
		p.Diagnostics.AddError("Unable to remove Docker image: "+err.Error(), "")
	}
}
