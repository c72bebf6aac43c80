package docker

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"airgap.local/cdktf-mlops/providers/internal/engine"
	"airgap.local/cdktf-mlops/providers/internal/tf"
)

// observe takes over what the engine says, as far as the published provider reads it back. It reads back neither env
// nor labels (an image brings its own), nor volumes, networks_advanced, upload, cpu_period and cpu_quota.
func (m *containerModel) observe(c *engine.Container) {
	m.ID, m.Name = types.StringValue(c.ID), types.StringValue(strings.TrimLeft(c.Name, "/"))
	m.Image = types.StringValue(c.Image)
	if !c.State.Running {
		m.ExitCode = types.Int64Value(c.State.ExitCode)
	}
	m.observeConfig(&c.Config)
	m.observeHost(&c.HostConfig)
	m.Bridge, m.NetworkData = types.StringValue(c.NetworkSettings.Bridge), networkData(c.NetworkSettings.Networks)
	m.Ports = observedPorts(m.Ports, c.NetworkSettings.Ports)
}

func (m *containerModel) observeConfig(c *engine.Config) {
	m.Hostname = types.StringValue(c.Hostname)
	m.Entrypoint, m.Command = tf.ListOf(m.Entrypoint, c.Entrypoint), tf.ListOf(m.Command, c.Cmd)
	m.User, m.WorkingDir = types.StringValue(c.User), types.StringValue(c.WorkingDir)
	m.StopSignal = types.StringValue(c.StopSignal)
	m.StopTimeout = types.Int64Value(0)
	if c.StopTimeout != nil {
		m.StopTimeout = types.Int64Value(*c.StopTimeout)
	}
	// A block cannot be filled in by a provider of the framework: the image's own check stays unseen.
	if h := c.Healthcheck; h != nil && len(m.Healthcheck) > 0 {
		prior := m.Healthcheck[0]
		m.Healthcheck = []healthcheckModel{{
			Test:        tf.StringsOf(prior.Test, h.Test),
			Interval:    durationOf(prior.Interval, h.Interval),
			Timeout:     durationOf(prior.Timeout, h.Timeout),
			StartPeriod: durationOf(prior.StartPeriod, h.StartPeriod),
			Retries:     tf.IntOf(prior.Retries, h.Retries),
		}}
	}
}

// durationOf is Go's own notation: 60s comes back as 1m0s, which the plan then calls a change.
func durationOf(prior types.String, nanoseconds int64) types.String {
	if nanoseconds == 0 && prior.IsNull() {
		return prior
	}
	return types.StringValue(time.Duration(nanoseconds).String())
}

func (m *containerModel) observeHost(h *engine.HostConfig) {
	m.ReadOnly = types.BoolValue(h.ReadonlyRootfs)
	m.Restart = types.StringValue(h.RestartPolicy.Name)
	m.MaxRetryCount = tf.IntOf(m.MaxRetryCount, h.RestartPolicy.MaximumRetryCount)
	m.Init = types.BoolValue(h.Init != nil && *h.Init)
	m.SecurityOpts = tf.SetOf(m.SecurityOpts, h.SecurityOpt)
	m.GroupAdd = tf.SetOf(m.GroupAdd, h.GroupAdd)
	m.Tmpfs = tf.MapOf(m.Tmpfs, h.Tmpfs)
	m.LogDriver, m.LogOpts = types.StringValue(h.LogConfig.Type), tf.MapOf(m.LogOpts, h.LogConfig.Config)
	m.NetworkMode, m.PidMode = types.StringValue(h.NetworkMode), tf.StringOf(m.PidMode, h.PidMode)
	m.Memory = tf.IntOf(m.Memory, h.Memory/mebibyte)
	swap := h.MemorySwap
	if swap > 0 {
		swap /= mebibyte
	}
	m.MemorySwap = tf.IntOf(m.MemorySwap, swap)
	m.ShmSize = types.Int64Value(h.ShmSize / mebibyte)
	m.CPUShares = tf.IntOf(m.CPUShares, h.CPUShares)
	if len(h.CapAdd) > 0 || len(h.CapDrop) > 0 {
		var prior capabilitiesModel
		if len(m.Capabilities) > 0 {
			prior = m.Capabilities[0]
		}
		m.Capabilities = []capabilitiesModel{{Add: tf.StringsOf(prior.Add, h.CapAdd), Drop: tf.StringsOf(prior.Drop, h.CapDrop)}}
	}
	m.Devices = []deviceModel{}
	for _, d := range h.Devices {
		m.Devices = append(m.Devices, deviceModel{types.StringValue(d.PathOnHost), types.StringValue(d.PathInContainer),
			types.StringValue(d.CgroupPermissions)})
	}
	m.Hosts = []hostModel{}
	for _, e := range h.ExtraHosts {
		name, ip, _ := strings.Cut(e, ":")
		m.Hosts = append(m.Hosts, hostModel{types.StringValue(name), types.StringValue(ip)})
	}
	m.Ulimits = []ulimitModel{}
	for _, u := range h.Ulimits {
		m.Ulimits = append(m.Ulimits, ulimitModel{types.StringValue(u.Name), types.Int64Value(u.Soft), types.Int64Value(u.Hard)})
	}
	if len(h.DeviceRequests) > 0 {
		m.GPUs = types.StringValue("all")
	}
}

// observedPorts are the published ports of a running container. They keep the order of the configuration as long as
// they are the same ones, and stand by inner port otherwise.
func observedPorts(prior []portModel, seen map[string][]engine.PortBinding) []portModel {
	ports := []portModel{}
	for _, key := range tf.SortedKeys(seen) {
		number, protocol, _ := strings.Cut(key, "/")
		internal, _ := strconv.ParseInt(number, 10, 64)
		for _, binding := range seen[key] {
			external, _ := strconv.ParseInt(binding.HostPort, 10, 64)
			ports = append(ports, portModel{types.Int64Value(internal), types.Int64Value(external),
				types.StringValue(binding.HostIP), types.StringValue(protocol)})
		}
	}
	slices.SortStableFunc(ports, func(a, b portModel) int {
		return int(a.Internal.ValueInt64() - b.Internal.ValueInt64())
	})
	if samePorts(prior, ports) {
		return prior
	}
	return ports
}

func samePorts(a, b []portModel) bool {
	if len(a) != len(b) {
		return false
	}
	rest := slices.Clone(b)
	for _, port := range a {
		at := slices.Index(rest, port)
		if at < 0 {
			return false
		}
		rest = slices.Delete(rest, at, at+1)
	}
	return true
}

// publishedPort is the outer port that the engine chose for a port whose number was left to it.
func publishedPort(p portModel, seen *engine.Container) types.Int64 {
	if seen != nil {
		for _, binding := range seen.NetworkSettings.Ports[p.key()] {
			if binding.HostIP == p.IP.ValueString() {
				external, _ := strconv.ParseInt(binding.HostPort, 10, 64)
				return types.Int64Value(external)
			}
		}
	}
	return types.Int64Null()
}

func networkData(seen map[string]engine.Endpoint) types.List {
	networks := []attr.Value{}
	for _, name := range tf.SortedKeys(seen) {
		e := seen[name]
		networks = append(networks, types.ObjectValueMust(networkDataType.AttrTypes, map[string]attr.Value{
			"network_name":              types.StringValue(name),
			"ip_address":                types.StringValue(e.IPAddress),
			"ip_prefix_length":          types.Int64Value(e.IPPrefixLen),
			"gateway":                   types.StringValue(e.Gateway),
			"global_ipv6_address":       types.StringValue(e.GlobalIPv6Address),
			"global_ipv6_prefix_length": types.Int64Value(e.GlobalIPv6PrefixLen),
			"ipv6_gateway":              types.StringValue(e.IPv6Gateway),
			"mac_address":               types.StringValue(e.MacAddress),
		}))
	}
	return types.ListValueMust(networkDataType, networks)
}
