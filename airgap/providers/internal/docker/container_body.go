package docker

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"airgap.local/cdktf-mlops/providers/internal/engine"
	"airgap.local/cdktf-mlops/providers/internal/tf"
)

const mebibyte = 1 << 20

// config is what a new container is made from.
func (m *containerModel) config() (engine.Config, error) {
	c := engine.Config{
		Image:       m.Image.ValueString(),
		Hostname:    m.Hostname.ValueString(),
		User:        m.User.ValueString(),
		WorkingDir:  m.WorkingDir.ValueString(),
		Env:         tf.Elements(m.Env),
		Cmd:         tf.Elements(m.Command),
		Entrypoint:  tf.Elements(m.Entrypoint),
		Labels:      plainLabels(m.Labels),
		StopSignal:  m.StopSignal.ValueString(),
		Healthcheck: m.healthcheck(),
	}
	if slices.Contains(c.Cmd, "") {
		return c, errors.New("values for command may not be empty")
	}
	if seconds := m.StopTimeout.ValueInt64(); seconds != 0 {
		c.StopTimeout = &seconds
	}
	c.ExposedPorts = map[string]struct{}{}
	for _, p := range m.Ports {
		c.ExposedPorts[p.key()] = struct{}{}
	}
	c.Volumes = map[string]struct{}{}
	for _, v := range m.Volumes {
		if v.ContainerPath.ValueString() == "" {
			return c, errors.New("Unable to parse volumes: Volume entry without container path or source container")
		}
		c.Volumes[v.ContainerPath.ValueString()] = struct{}{}
	}
	return c, nil
}

func (m *containerModel) healthcheck() *engine.Healthcheck {
	if len(m.Healthcheck) == 0 {
		return nil
	}
	h := m.Healthcheck[0]
	return &engine.Healthcheck{Test: tf.Strings(h.Test), Interval: nanoseconds(h.Interval), Timeout: nanoseconds(h.Timeout),
		StartPeriod: nanoseconds(h.StartPeriod), Retries: h.Retries.ValueInt64()}
}

// nanoseconds of a duration that the schema has checked; none is 0, the engine's default.
func nanoseconds(s types.String) int64 {
	d, _ := time.ParseDuration(s.ValueString())
	return d.Nanoseconds()
}

// hostConfig is how a new container is fitted into its host.
func (m *containerModel) hostConfig() engine.HostConfig {
	init := m.Init.ValueBool()
	h := engine.HostConfig{
		Resources:      m.limits(),
		RestartPolicy:  m.restartPolicy(),
		ReadonlyRootfs: m.ReadOnly.ValueBool(),
		LogConfig:      engine.LogConfig{Type: m.LogDriver.ValueString(), Config: tf.PlainMap(m.LogOpts)},
		Tmpfs:          tf.PlainMap(m.Tmpfs),
		SecurityOpt:    tf.Elements(m.SecurityOpts),
		GroupAdd:       tf.Elements(m.GroupAdd),
		ShmSize:        m.ShmSize.ValueInt64() * mebibyte,
		NetworkMode:    m.NetworkMode.ValueString(),
		PidMode:        m.PidMode.ValueString(),
		Init:           &init,
	}
	h.CPUPeriod, h.CPUQuota = m.CPUPeriod.ValueInt64(), m.CPUQuota.ValueInt64()
	h.PortBindings = map[string][]engine.PortBinding{}
	for _, p := range m.Ports {
		// 0 has the engine choose a free port.
		binding := engine.PortBinding{HostIP: p.IP.ValueString(), HostPort: strconv.FormatInt(p.External.ValueInt64(), 10)}
		h.PortBindings[p.key()] = append(h.PortBindings[p.key()], binding)
	}
	for _, v := range m.Volumes {
		if bind, ok := v.bind(); ok {
			h.Binds = append(h.Binds, bind)
		}
	}
	if len(m.Capabilities) > 0 {
		h.CapAdd = canonicalCapabilities(tf.Strings(m.Capabilities[0].Add))
		h.CapDrop = canonicalCapabilities(tf.Strings(m.Capabilities[0].Drop))
	}
	for _, d := range m.Devices {
		h.Devices = append(h.Devices, d.device())
	}
	for _, e := range m.Hosts {
		h.ExtraHosts = append(h.ExtraHosts, e.Host.ValueString()+":"+e.IP.ValueString())
	}
	for _, u := range m.Ulimits {
		h.Ulimits = append(h.Ulimits, engine.Ulimit{Name: u.Name.ValueString(), Soft: u.Soft.ValueInt64(), Hard: u.Hard.ValueInt64()})
	}
	if m.GPUs.ValueString() != "" {
		h.DeviceRequests = []engine.DeviceRequest{{Count: -1, Capabilities: [][]string{{"gpu"}}}}
	}
	return h
}

// limits are the ones that Update sends too; cpu_period and cpu_quota, as published, are not among them.
func (m *containerModel) limits() engine.Resources {
	swap := m.MemorySwap.ValueInt64()
	if swap > 0 {
		swap *= mebibyte
	}
	return engine.Resources{Memory: m.Memory.ValueInt64() * mebibyte, MemorySwap: swap, CPUShares: m.CPUShares.ValueInt64()}
}

func (m *containerModel) restartPolicy() engine.RestartPolicy {
	return engine.RestartPolicy{Name: m.Restart.ValueString(), MaximumRetryCount: m.MaxRetryCount.ValueInt64()}
}

func (p portModel) key() string {
	return strconv.FormatInt(p.Internal.ValueInt64(), 10) + "/" + p.Protocol.ValueString()
}

// bind is the mount in the engine's notation; without a source the volume is an anonymous one.
func (v mountModel) bind() (string, bool) {
	source := v.VolumeName.ValueString()
	if source == "" {
		source = v.HostPath.ValueString()
	}
	mode := "rw"
	if v.ReadOnly.ValueBool() {
		mode = "ro"
	}
	return source + ":" + v.ContainerPath.ValueString() + ":" + mode, source != ""
}

func (d deviceModel) device() engine.Device {
	device := engine.Device{PathOnHost: d.HostPath.ValueString(), PathInContainer: d.ContainerPath.ValueString(),
		CgroupPermissions: d.Permissions.ValueString()}
	if device.PathInContainer == "" {
		device.PathInContainer = device.PathOnHost
	}
	if device.CgroupPermissions == "" {
		device.CgroupPermissions = "rwm"
	}
	return device
}
