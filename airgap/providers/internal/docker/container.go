package docker

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type containerResource struct{ configured }

func (r *containerResource) Metadata(_ context.Context, _ resource.MetadataRequest, p *resource.MetadataResponse) {
	p.TypeName = "docker_container"
}

type containerModel struct {
	ID types.String `tfsdk:"id"`

	Name       types.String `tfsdk:"name"`
	Image      types.String `tfsdk:"image"`
	Hostname   types.String `tfsdk:"hostname"`
	Entrypoint types.List   `tfsdk:"entrypoint"`
	Command    types.List   `tfsdk:"command"`
	Env        types.Set    `tfsdk:"env"`
	User       types.String `tfsdk:"user"`
	WorkingDir types.String `tfsdk:"working_dir"`
	GroupAdd   types.Set    `tfsdk:"group_add"`

	Restart       types.String `tfsdk:"restart"`
	MaxRetryCount types.Int64  `tfsdk:"max_retry_count"`
	Memory        types.Int64  `tfsdk:"memory"`
	MemorySwap    types.Int64  `tfsdk:"memory_swap"`
	ShmSize       types.Int64  `tfsdk:"shm_size"`
	CPUShares     types.Int64  `tfsdk:"cpu_shares"`
	CPUPeriod     types.Int64  `tfsdk:"cpu_period"`
	CPUQuota      types.Int64  `tfsdk:"cpu_quota"`

	MustRun             types.Bool   `tfsdk:"must_run"`
	Start               types.Bool   `tfsdk:"start"`
	Wait                types.Bool   `tfsdk:"wait"`
	WaitTimeout         types.Int64  `tfsdk:"wait_timeout"`
	DestroyGraceSeconds types.Int64  `tfsdk:"destroy_grace_seconds"`
	StopSignal          types.String `tfsdk:"stop_signal"`
	StopTimeout         types.Int64  `tfsdk:"stop_timeout"`
	Init                types.Bool   `tfsdk:"init"`

	ReadOnly     types.Bool              `tfsdk:"read_only"`
	Tmpfs        map[string]types.String `tfsdk:"tmpfs"`
	SecurityOpts types.Set               `tfsdk:"security_opts"`
	LogDriver    types.String            `tfsdk:"log_driver"`
	LogOpts      map[string]types.String `tfsdk:"log_opts"`
	GPUs         types.String            `tfsdk:"gpus"`
	PidMode      types.String            `tfsdk:"pid_mode"`
	NetworkMode  types.String            `tfsdk:"network_mode"`

	Networks     []networksAdvancedModel `tfsdk:"networks_advanced"`
	Ports        []portModel             `tfsdk:"ports"`
	Volumes      []mountModel            `tfsdk:"volumes"`
	Uploads      []uploadModel           `tfsdk:"upload"`
	Healthcheck  []healthcheckModel      `tfsdk:"healthcheck"`
	Labels       []labelModel            `tfsdk:"labels"`
	Capabilities []capabilitiesModel     `tfsdk:"capabilities"`
	Devices      []deviceModel           `tfsdk:"devices"`
	Hosts        []hostModel             `tfsdk:"host"`
	Ulimits      []ulimitModel           `tfsdk:"ulimit"`

	Bridge      types.String `tfsdk:"bridge"`
	ExitCode    types.Int64  `tfsdk:"exit_code"`
	NetworkData types.List   `tfsdk:"network_data"`
}

type networksAdvancedModel struct {
	Name    types.String   `tfsdk:"name"`
	Aliases []types.String `tfsdk:"aliases"`
}

type portModel struct {
	Internal types.Int64  `tfsdk:"internal"`
	External types.Int64  `tfsdk:"external"`
	IP       types.String `tfsdk:"ip"`
	Protocol types.String `tfsdk:"protocol"`
}

type mountModel struct {
	VolumeName    types.String `tfsdk:"volume_name"`
	HostPath      types.String `tfsdk:"host_path"`
	ContainerPath types.String `tfsdk:"container_path"`
	ReadOnly      types.Bool   `tfsdk:"read_only"`
}

type uploadModel struct {
	File          types.String `tfsdk:"file"`
	Content       types.String `tfsdk:"content"`
	ContentBase64 types.String `tfsdk:"content_base64"`
	Permissions   types.String `tfsdk:"permissions"`
	Executable    types.Bool   `tfsdk:"executable"`
}

type healthcheckModel struct {
	Test        []types.String `tfsdk:"test"`
	Interval    types.String   `tfsdk:"interval"`
	Timeout     types.String   `tfsdk:"timeout"`
	StartPeriod types.String   `tfsdk:"start_period"`
	Retries     types.Int64    `tfsdk:"retries"`
}

type capabilitiesModel struct {
	Add  []types.String `tfsdk:"add"`
	Drop []types.String `tfsdk:"drop"`
}

type deviceModel struct {
	HostPath      types.String `tfsdk:"host_path"`
	ContainerPath types.String `tfsdk:"container_path"`
	Permissions   types.String `tfsdk:"permissions"`
}

type hostModel struct {
	Host types.String `tfsdk:"host"`
	IP   types.String `tfsdk:"ip"`
}

type ulimitModel struct {
	Name types.String `tfsdk:"name"`
	Soft types.Int64  `tfsdk:"soft"`
	Hard types.Int64  `tfsdk:"hard"`
}
