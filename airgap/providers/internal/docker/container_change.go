package docker

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"airgap.local/cdktf-mlops/providers/internal/engine"
)

// Update, as published, sends the engine restart policy, memory and cpu shares, and only stores the rest: a change of
// healthcheck, tmpfs, init, cpu_period or cpu_quota does not reach the container.
func (r *containerResource) Update(ctx context.Context, q resource.UpdateRequest, p *resource.UpdateResponse) {
	var m, was containerModel
	p.Diagnostics.Append(q.Plan.Get(ctx, &m)...)
	p.Diagnostics.Append(q.State.Get(ctx, &was)...)
	if p.Diagnostics.HasError() {
		return
	}
	if m.limits() != was.limits() || m.restartPolicy() != was.restartPolicy() {
		if err := r.engine.UpdateContainer(ctx, m.ID.ValueString(), m.limits(), m.restartPolicy()); err != nil {
			p.Diagnostics.AddError("Unable to update a container: "+err.Error(), "")
			return
		}
	}
	p.Diagnostics.Append(p.State.Set(ctx, m.known(nil))...)
}

func (r *containerResource) Delete(ctx context.Context, q resource.DeleteRequest, p *resource.DeleteResponse) {
	var m containerModel
	if p.Diagnostics.Append(q.State.Get(ctx, &m)...); p.Diagnostics.HasError() {
		return
	}
	if err := r.remove(ctx, &m); err != nil {
		p.Diagnostics.AddError(err.Error(), "")
	}
}

// remove stops and removes the container. Without destroy_grace_seconds the stop signal is followed by KILL at once,
// whatever stop_timeout says.
func (r *containerResource) remove(ctx context.Context, m *containerModel) error {
	id := m.ID.ValueString()
	err := r.engine.StopContainer(ctx, id, max(0, m.DestroyGraceSeconds.ValueInt64()))
	if err != nil && !engine.NotFound(err) {
		return fmt.Errorf("Error stopping container %s: %w", id, err)
	}
	if err := r.engine.RemoveContainer(ctx, id); err != nil && !engine.NotFound(err) {
		return fmt.Errorf("Error deleting container %s: %w", id, err)
	}
	return nil
}
