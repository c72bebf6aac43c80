package docker

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"airgap.local/cdktf-mlops/providers/internal/engine"
)

// Read, as published, is not harmless: a stopped container that must run is deleted, so that the next apply makes it
// anew.
func (r *containerResource) Read(ctx context.Context, q resource.ReadRequest, p *resource.ReadResponse) {
	var m containerModel
	if p.Diagnostics.Append(q.State.Get(ctx, &m)...); p.Diagnostics.HasError() {
		return
	}
	seen, err := r.engine.InspectContainer(ctx, m.ID.ValueString())
	if engine.NotFound(err) {
		p.State.RemoveResource(ctx)
		return
	} else if err != nil {
		p.Diagnostics.AddError("error fetching container information from Docker: "+err.Error(), "")
		return
	}
	if !seen.State.Running && m.MustRun.ValueBool() {
		if err := r.remove(ctx, &m); err != nil {
			p.Diagnostics.AddError(err.Error(), "")
			return
		}
		p.State.RemoveResource(ctx)
		return
	}
	m.observe(seen)
	p.Diagnostics.Append(p.State.Set(ctx, &m)...)
}

// known is the model with every value that the plan left open taken from the engine, or null while nothing is seen.
func (m containerModel) known(seen *engine.Container) *containerModel {
	observed := m.nothing()
	if seen != nil {
		observed.observe(seen)
	}
	fill(&m.Hostname, observed.Hostname)
	fill(&m.Entrypoint, observed.Entrypoint)
	fill(&m.Command, observed.Command)
	fill(&m.Env, types.SetNull(types.StringType))
	fill(&m.User, observed.User)
	fill(&m.WorkingDir, observed.WorkingDir)
	fill(&m.ShmSize, observed.ShmSize)
	fill(&m.StopSignal, observed.StopSignal)
	fill(&m.StopTimeout, observed.StopTimeout)
	fill(&m.Init, observed.Init)
	fill(&m.SecurityOpts, observed.SecurityOpts)
	fill(&m.LogDriver, observed.LogDriver)
	fill(&m.Bridge, observed.Bridge)
	fill(&m.ExitCode, observed.ExitCode)
	fill(&m.NetworkData, observed.NetworkData)
	ports := make([]portModel, len(m.Ports))
	for i, p := range m.Ports {
		fill(&p.External, publishedPort(p, seen))
		ports[i] = p
	}
	m.Ports = ports
	return &m
}

// nothing is the model with null where the plan left a value open.
func (m containerModel) nothing() containerModel {
	fill(&m.Hostname, types.StringNull())
	fill(&m.Entrypoint, types.ListNull(types.StringType))
	fill(&m.Command, types.ListNull(types.StringType))
	fill(&m.User, types.StringNull())
	fill(&m.WorkingDir, types.StringNull())
	fill(&m.ShmSize, types.Int64Null())
	fill(&m.StopSignal, types.StringNull())
	fill(&m.StopTimeout, types.Int64Null())
	fill(&m.Init, types.BoolNull())
	fill(&m.SecurityOpts, types.SetNull(types.StringType))
	fill(&m.LogDriver, types.StringNull())
	fill(&m.Bridge, types.StringNull())
	fill(&m.ExitCode, types.Int64Null())
	fill(&m.NetworkData, types.ListNull(networkDataType))
	return m
}

func fill[V interface{ IsUnknown() bool }](value *V, known V) {
	if (*value).IsUnknown() {
		*value = known
	}
}
