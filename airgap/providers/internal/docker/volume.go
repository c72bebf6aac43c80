package docker

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"airgap.local/cdktf-mlops/providers/internal/engine"
	"airgap.local/cdktf-mlops/providers/internal/tf"
)

type volumeResource struct{ configured }

type volumeModel struct {
	ID         types.String            `tfsdk:"id"`
	Name       types.String            `tfsdk:"name"`
	Driver     types.String            `tfsdk:"driver"`
	DriverOpts map[string]types.String `tfsdk:"driver_opts"`
	Mountpoint types.String            `tfsdk:"mountpoint"`
	Labels     []labelModel            `tfsdk:"labels"`
}

func (r *volumeResource) Metadata(_ context.Context, _ resource.MetadataRequest, p *resource.MetadataResponse) {
	p.TypeName = "docker_volume"
}

func (r *volumeResource) Schema(_ context.Context, _ resource.SchemaRequest, p *resource.SchemaResponse) {
	p.Schema = schema.Schema{
		Attributes: map[string]schema.Attribute{
			"id":          tf.ID(),
			"name":        tf.TakenString(tf.Replaces),
			"driver":      tf.TakenString(tf.Replaces),
			"driver_opts": tf.StringMap(tf.Replaces),
			"mountpoint":  tf.ComputedString(),
		},
		Blocks: map[string]schema.Block{"labels": labelsBlock()},
	}
}

func (r *volumeResource) Create(ctx context.Context, q resource.CreateRequest, p *resource.CreateResponse) {
	var m volumeModel
	if p.Diagnostics.Append(q.Plan.Get(ctx, &m)...); p.Diagnostics.HasError() {
		return
	}
	made, err := r.engine.CreateVolume(context.WithoutCancel(ctx), engine.Volume{Name: m.Name.ValueString(),
		Driver: m.Driver.ValueString(), Options: tf.PlainMap(m.DriverOpts), Labels: plainLabels(m.Labels)})
	if err != nil {
		p.Diagnostics.AddError("Unable to create volume: "+err.Error(), "")
		return
	}
	m.ID, m.Name = types.StringValue(made.Name), types.StringValue(made.Name)
	m.Driver, m.Mountpoint = types.StringValue(made.Driver), types.StringValue(made.Mountpoint)
	p.Diagnostics.Append(p.State.Set(ctx, &m)...)
}

func (r *volumeResource) Read(ctx context.Context, q resource.ReadRequest, p *resource.ReadResponse) {
	var m volumeModel
	if p.Diagnostics.Append(q.State.Get(ctx, &m)...); p.Diagnostics.HasError() {
		return
	}
	seen, err := r.engine.InspectVolume(ctx, m.ID.ValueString())
	if engine.NotFound(err) {
		p.State.RemoveResource(ctx)
		return
	} else if err != nil {
		p.Diagnostics.AddError("Unable to inspect volume: "+err.Error(), "")
		return
	}
	m.Name, m.Driver = types.StringValue(seen.Name), types.StringValue(seen.Driver)
	m.DriverOpts, m.Labels = tf.MapOf(m.DriverOpts, seen.Options), labelsOf(seen.Labels)
	m.Mountpoint = types.StringValue(seen.Mountpoint)
	p.Diagnostics.Append(p.State.Set(ctx, &m)...)
}

// Update is never called: everything replaces.
func (r *volumeResource) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {}

func (r *volumeResource) Delete(ctx context.Context, q resource.DeleteRequest, p *resource.DeleteResponse) {
	var m volumeModel
	if p.Diagnostics.Append(q.State.Get(ctx, &m)...); p.Diagnostics.HasError() {
		return
	}
	err := whileBusy(ctx, "volume is in use", func() error { return r.engine.RemoveVolume(ctx, m.ID.ValueString()) })
	if err != nil && !engine.NotFound(err) {
		p.Diagnostics.AddError("Unable to remove volume: "+err.Error(), "")
	}
}
