// Package docker is the docker provider: networks, volumes, images and containers of one Docker Engine.
package docker

import (
	"context"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"airgap.local/cdktf-mlops/providers/internal/engine"
)

// New makes the provider.
func New(version string) provider.Provider { return &dockerProvider{version: version} }

type dockerProvider struct{ version string }

type providerModel struct {
	Host types.String `tfsdk:"host"`
}

func (p *dockerProvider) Metadata(_ context.Context, _ provider.MetadataRequest, r *provider.MetadataResponse) {
	r.TypeName, r.Version = "docker", p.version
}

func (p *dockerProvider) Schema(_ context.Context, _ provider.SchemaRequest, r *provider.SchemaResponse) {
	r.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"host": schema.StringAttribute{Optional: true,
			Description: "unix:///path or tcp://host:port; else DOCKER_HOST; else " + engine.DefaultHost},
	}}
}

func (p *dockerProvider) Configure(ctx context.Context, q provider.ConfigureRequest, r *provider.ConfigureResponse) {
	var config providerModel
	if r.Diagnostics.Append(q.Config.Get(ctx, &config)...); r.Diagnostics.HasError() {
		return
	}
	host := config.Host.ValueString()
	if host == "" {
		host = os.Getenv("DOCKER_HOST")
	}
	client, err := engine.New(host)
	if err == nil {
		err = client.Ping(ctx)
	}
	if err != nil {
		r.Diagnostics.AddError("Error pinging Docker server: "+err.Error(), "")
		return
	}
	r.ResourceData = client
}

func (p *dockerProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (p *dockerProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		func() resource.Resource { return &networkResource{} },
		func() resource.Resource { return &volumeResource{} },
		func() resource.Resource { return &imageResource{} },
		func() resource.Resource { return &containerResource{} },
	}
}

// configured holds the engine that Configure hands to each resource.
type configured struct{ engine *engine.Client }

func (c *configured) Configure(_ context.Context, q resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if q.ProviderData != nil {
		c.engine = q.ProviderData.(*engine.Client)
	}
}
