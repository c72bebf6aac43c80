package docker

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"airgap.local/cdktf-mlops/providers/internal/engine"
	"airgap.local/cdktf-mlops/providers/internal/tf"
)

type networkResource struct{ configured }

type networkModel struct {
	ID       types.String `tfsdk:"id"`
	Name     types.String `tfsdk:"name"`
	Driver   types.String `tfsdk:"driver"`
	Internal types.Bool   `tfsdk:"internal"`
	Labels   []labelModel `tfsdk:"labels"`
}

func (r *networkResource) Metadata(_ context.Context, _ resource.MetadataRequest, p *resource.MetadataResponse) {
	p.TypeName = "docker_network"
}

func (r *networkResource) Schema(_ context.Context, _ resource.SchemaRequest, p *resource.SchemaResponse) {
	p.Schema = schema.Schema{
		Attributes: map[string]schema.Attribute{
			"id":       tf.ID(),
			"name":     tf.RequiredString(tf.Replaces),
			"driver":   tf.TakenString(tf.Replaces),
			"internal": tf.TakenBool(tf.Replaces),
		},
		Blocks: map[string]schema.Block{"labels": labelsBlock()},
	}
}

func (r *networkResource) Create(ctx context.Context, q resource.CreateRequest, p *resource.CreateResponse) {
	var m networkModel
	if p.Diagnostics.Append(q.Plan.Get(ctx, &m)...); p.Diagnostics.HasError() {
		return
	}
	// An answer that nobody waits for any more would leave a network that no state knows.
	id, err := r.engine.CreateNetwork(context.WithoutCancel(ctx), engine.Network{Name: m.Name.ValueString(),
		Driver: m.Driver.ValueString(), Internal: m.Internal.ValueBool(), Labels: plainLabels(m.Labels)})
	if err != nil {
		p.Diagnostics.AddError("Unable to create network: "+err.Error(), "")
		return
	}
	m.ID = types.StringValue(id)
	if m.Driver.IsUnknown() {
		m.Driver = types.StringValue("bridge")
	}
	if m.Internal.IsUnknown() {
		m.Internal = types.BoolValue(false)
	}
	p.Diagnostics.Append(p.State.Set(ctx, &m)...)
}

func (r *networkResource) Read(ctx context.Context, q resource.ReadRequest, p *resource.ReadResponse) {
	var m networkModel
	if p.Diagnostics.Append(q.State.Get(ctx, &m)...); p.Diagnostics.HasError() {
		return
	}
	seen, err := r.engine.InspectNetwork(ctx, m.ID.ValueString())
	if engine.NotFound(err) {
		p.State.RemoveResource(ctx)
		return
	} else if err != nil {
		p.Diagnostics.AddError("Unable to inspect network: "+err.Error(), "")
		return
	}
	m.Name, m.Driver = types.StringValue(seen.Name), types.StringValue(seen.Driver)
	m.Internal, m.Labels = types.BoolValue(seen.Internal), labelsOf(seen.Labels)
	p.Diagnostics.Append(p.State.Set(ctx, &m)...)
}

// Update is never called: everything replaces.
func (r *networkResource) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {}

func (r *networkResource) Delete(ctx context.Context, q resource.DeleteRequest, p *resource.DeleteResponse) {
	var m networkModel
	if p.Diagnostics.Append(q.State.Get(ctx, &m)...); p.Diagnostics.HasError() {
		return
	}
	err := whileBusy(ctx, "has active endpoints", func() error { return r.engine.RemoveNetwork(ctx, m.ID.ValueString()) })
	if err != nil && !engine.NotFound(err) {
		p.Diagnostics.AddError("Unable to remove network: "+err.Error(), "")
	}
}

// busyFor is how long something may still be in use before its removal fails.
const busyFor = 30 * time.Second

// whileBusy repeats a removal as long as the engine says that something still uses the object.
func whileBusy(ctx context.Context, busy string, remove func() error) error {
	deadline := time.Now().Add(busyFor)
	for {
		err := remove()
		if err == nil || !strings.Contains(err.Error(), busy) || time.Now().After(deadline) {
			return err
		}
		if waitErr := pause(ctx, time.Second); waitErr != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
