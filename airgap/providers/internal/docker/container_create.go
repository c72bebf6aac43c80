package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"airgap.local/cdktf-mlops/providers/internal/engine"
	"airgap.local/cdktf-mlops/providers/internal/tf"
)

// createWithin is the published provider's limit for a whole creation, a long wait_timeout included.
const createWithin = 20 * time.Minute

// settle is how long a container may take to fail at its start and still count as never having run.
const settle = 100 * time.Millisecond

var (
	errNotHealthy  = errors.New("container failed to be in healthy state")
	errExited      = errors.New("container exited immediately")
	errNotRunning  = errors.New("container failed to be in running state")
	errNoHealth    = errors.New("wait is set, but neither the container nor its image has a healthcheck")
	errNotAttached = "is not connected to the network"
)

func (r *containerResource) Create(ctx context.Context, q resource.CreateRequest, p *resource.CreateResponse) {
	var m containerModel
	if p.Diagnostics.Append(q.Plan.Get(ctx, &m)...); p.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, createWithin)
	defer cancel()
	if err := r.make(ctx, &m); err != nil {
		p.Diagnostics.AddError(err.Error(), "")
		return
	}
	// From here on a failure leaves a tainted resource and not a container that no state knows.
	p.Diagnostics.Append(p.State.Set(ctx, m.known(nil))...)
	err := r.run(ctx, &m)
	var seen *engine.Container
	if err == nil {
		seen, err = r.settled(ctx, &m)
	}
	if errors.Is(err, errExited) || errors.Is(err, errNotRunning) {
		// As published: what should run and does not is deleted, so that the next apply starts clean.
		if removeErr := r.remove(ctx, &m); removeErr != nil {
			p.Diagnostics.AddError(removeErr.Error(), "")
		} else {
			p.State.RemoveResource(ctx)
		}
	}
	if err != nil {
		p.Diagnostics.AddError(err.Error(), "")
		return
	}
	p.Diagnostics.Append(p.State.Set(ctx, m.known(seen))...)
}

// make has the engine create the container, and stores its id.
func (r *containerResource) make(ctx context.Context, m *containerModel) error {
	if _, err := findImage(ctx, r.engine, m.Image.ValueString()); err != nil {
		return fmt.Errorf("Unable to create container with image %s: %w", m.Image.ValueString(), err)
	}
	config, err := m.config()
	if err != nil {
		return err
	}
	// An answer that nobody waits for any more would leave a container that no state knows.
	id, err := r.engine.CreateContainer(context.WithoutCancel(ctx), m.Name.ValueString(), config, m.hostConfig())
	if err != nil {
		return fmt.Errorf("Unable to create container: %w", err)
	}
	m.ID = types.StringValue(id)
	return nil
}

// run connects, uploads, starts and waits, in the order of the published provider.
func (r *containerResource) run(ctx context.Context, m *containerModel) error {
	id := m.ID.ValueString()
	if len(m.Networks) > 0 {
		if err := r.engine.Disconnect(ctx, "bridge", id); err != nil && !strings.Contains(err.Error(), errNotAttached) {
			return fmt.Errorf("Unable to disconnect the default network: %w", err)
		}
	}
	for _, n := range m.Networks {
		if err := r.engine.Connect(ctx, n.Name.ValueString(), id, tf.Strings(n.Aliases)); err != nil {
			return fmt.Errorf("Unable to connect to network '%s': %w", n.Name.ValueString(), err)
		}
	}
	for _, u := range m.Uploads {
		archive, err := u.archive(time.Now())
		if err != nil {
			return err
		}
		if err := r.engine.CopyToContainer(ctx, id, archive); err != nil {
			return fmt.Errorf("Unable to upload volume content: %w", err)
		}
	}
	if !m.Start.ValueBool() {
		return nil
	}
	if err := r.engine.StartContainer(ctx, id); err != nil {
		return fmt.Errorf("Unable to start container: %w", err)
	}
	if m.Wait.ValueBool() {
		return r.untilHealthy(ctx, id, time.Duration(m.WaitTimeout.ValueInt64())*time.Second)
	}
	return nil
}

// untilHealthy waits until the engine calls the container healthy. As published, neither an unhealthy
// container nor one that has ended makes it give up earlier: it may still come back.
func (r *containerResource) untilHealthy(ctx context.Context, id string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		seen, err := r.engine.InspectContainer(ctx, id)
		switch {
		case ctx.Err() != nil:
			return errNotHealthy
		case err != nil:
			return fmt.Errorf("error inspecting container state: %w", err)
		case seen.State.Health == nil:
			return errNoHealth
		case seen.State.Health.Status == "healthy":
			return nil
		}
		if pause(ctx, 250*time.Millisecond) != nil {
			return errNotHealthy
		}
	}
}

// settled looks at the container after its start; one that must run and does not is an error.
func (r *containerResource) settled(ctx context.Context, m *containerModel) (*engine.Container, error) {
	if err := pause(ctx, settle); err != nil {
		return nil, err
	}
	seen, err := r.engine.InspectContainer(ctx, m.ID.ValueString())
	switch {
	case err != nil:
		return nil, fmt.Errorf("error inspecting container state: %w", err)
	case seen.State.Running || !m.MustRun.ValueBool():
		return seen, nil
	case m.Start.ValueBool():
		return nil, errExited
	}
	return nil, errNotRunning
}
